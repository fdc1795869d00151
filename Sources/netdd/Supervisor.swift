// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc
import Logging

/// Keeps the service running, reaps whatever ends, and hears what the domain is asked to do.
struct Supervisor: ~Copyable {
    /// A service that has not ended by then after SIGTERM is killed.
    private static var patienceNanoseconds: UInt64 { 5_000_000_000 }

    private let logger: Logger
    private let signals: SignalQueue
    private var policy = RestartPolicy()
    private var service: Running?
    /// When to start it again.
    private var restart: UInt64? = 0
    /// What was asked, and by when the service must have ended.
    private var request: PowerRequest?
    private var deadline: UInt64 = 0

    /// A service that runs.
    private struct Running {
        var pid: pid_t
        /// Readable when it serves; -1 from then on.
        var ready: Int32
        /// When it came to serve.
        var servingSince: UInt64?
    }

    init(logger: Logger) throws {
        self.logger = logger
        signals = try SignalQueue([SIGCHLD, SIGTERM, SIGINT, SIGUSR2])
    }

    /// Runs until the domain is asked to end.
    ///
    /// - Throws: `Complaint` when the service cannot be made to serve.
    mutating func run() throws -> PowerRequest {
        while true {
            if let request, service == nil { return request }
            let now = Self.now()
            if request == nil, service == nil, let time = restart, time <= now { try start() }
            if request != nil, let service, deadline <= now {
                logger.error("the service does not end: killed")
                kill(service.pid, SIGKILL)
                deadline = UInt64.max
            }
            wait()
            try takeSignals()
        }
    }

    private mutating func start() throws {
        restart = nil
        var ends: [Int32] = [-1, -1]
        guard unsafe clinux_pipe(&ends) == 0 else {
            throw Complaint("no pipe: errno \(errno)", remedy: nil)
        }
        let (pid, error) = Self.spawn(ready: ends[1])
        close(ends[1])
        guard error == 0 else {
            close(ends[0])
            throw Complaint("the service cannot be started: errno \(error)", remedy: nil)
        }
        service = Running(pid: pid, ready: ends[0], servingSince: nil)
    }

    /// Sleeps until a signal, the service's word, or the next thing to do.
    private mutating func wait() {
        var watched = [
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: service?.ready ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        var next = request == nil ? (service == nil ? restart : nil) : deadline
        if next == UInt64.max { next = nil }
        let now = Self.now()
        let milliseconds = next.map {
            $0 <= now ? 0 : Int32(min(60_000, ($0 - now) / 1_000_000 + 1))
        }
        _ = unsafe poll(&watched, 2, milliseconds ?? -1)
        if watched[1].revents != 0, let running = service {
            var byte: UInt8 = 0
            if unsafe read(running.ready, &byte, 1) == 1 {
                service?.servingSince = Self.now()
                if let use = MemoryUse.now() {
                    logger.info(
                        "memory",
                        metadata: ["used_kib": "\(use.usedKiB)", "total_kib": "\(use.totalKiB)"])
                }
            }
            close(running.ready)
            service?.ready = -1
        }
    }

    private mutating func takeSignals() throws {
        while let signal = signals.next() {
            if signal == SIGCHLD {
                try reap()
            } else if let asked = PowerRequest(signal: signal), request == nil {
                logger.info("asked to end", metadata: ["request": "\(asked.rawValue)"])
                request = asked
                deadline = Self.now() + Self.patienceNanoseconds
                if let service { kill(service.pid, SIGTERM) }
            }
        }
    }

    /// Takes every child that has ended: ours, and orphans of whatever the kernel started.
    private mutating func reap() throws {
        var status: Int32 = 0
        while case let pid = unsafe waitpid(-1, &status, WNOHANG), pid > 0 {
            guard let ended = service, ended.pid == pid else { continue }
            if ended.ready >= 0 { close(ended.ready) }
            service = nil
            guard request == nil else { continue }
            if clinux_exited(status) != 0, clinux_exit_status(status) == Pair.mustRestartDomain {
                throw Complaint(
                    "the primary hangs in the kernel and cannot be killed",
                    remedy: "start this domain again")
            }
            let served = ended.servingSince.map { Self.now() - $0 }
            let cause =
                clinux_signaled(status) != 0
                ? "signal \(clinux_termination_signal(status))"
                : "exit code \(clinux_exit_status(status))"
            switch policy.ended(afterServing: served) {
            case .restart(let pause):
                logger.error(
                    "the service ended, starting it again",
                    metadata: ["cause": "\(cause)", "pause_ms": "\(pause)"])
                restart = Self.now() + UInt64(pause) * 1_000_000
            case .giveUp:
                throw Complaint(
                    "it ended again and again before it served (\(cause))",
                    remedy: "the lines above say why")
            }
        }
    }

    /// Starts this program as `serve`, with default signals.
    private static func spawn(ready: Int32) -> (pid: pid_t, error: Int32) {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, ready, ServiceProcess.readyDescriptor)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid: pid_t = 0
        // The runtime's own crash report would only delay the next service.
        let words = unsafe copies(of: ["netdd", ServiceProcess.serve])
        let environment = unsafe copies(of: ["SWIFT_BACKTRACE=enable=no"])
        defer { unsafe (words + environment).forEach { unsafe free($0) } }
        let error = unsafe posix_spawn(
            &pid, "/proc/self/exe", &actions, &attributes, words, environment)
        return (pid, error)
    }

    /// C strings, for the caller to free, and the null that ends the list.
    private static func copies(of texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        unsafe texts.map { unsafe strdup($0) } + [nil]
    }

    private static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
