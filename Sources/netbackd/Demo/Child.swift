// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc
import Platform

/// A program run as a child of ours, in a process group of its own so that Ctrl-C reaches us
/// first. Killed when dropped.
struct Child: ~Copyable {
    /// Where its standard output and errors go.
    enum Output {
        /// Kept, for `collect`.
        case captured
        /// Appended to a file.
        case file(String)
    }

    /// What became of it: its exit code, or 128 and the signal that killed it.
    struct Exit: Equatable {
        var code: Int32
        var output: String
    }

    let pid: Int32
    let name: String
    private let pidfd: Int32
    private let capture: Int32
    private var isReaped = false

    /// Starts a program found in PATH.
    ///
    /// It keeps the `inherited` descriptors under the same numbers.
    /// - Throws: `Complaint` naming the program.
    init(_ arguments: [String], output: Output = .captured, inherited: [Int32] = []) throws {
        var ends: [Int32] = [-1, -1]
        let target: Int32
        switch output {
        case .captured:
            guard unsafe clinux_pipe(&ends) == 0 else {
                throw Complaint("no pipe for \(arguments[0]): errno \(errno)", remedy: nil)
            }
            target = ends[1]
        case .file(let path):
            target = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard target >= 0 else {
                throw Complaint("\(path) cannot be written: errno \(errno)", remedy: nil)
            }
        }
        let (pid, error) = Self.spawn(arguments, output: target, inherited: inherited)
        close(target)
        guard error == 0 else {
            if ends[0] >= 0 { close(ends[0]) }
            throw Complaint(
                "\(arguments[0]) cannot be started: \(unsafe String(cString: strerror(error)))",
                remedy: error == ENOENT ? "install it: `make setup` does" : nil)
        }
        self.pid = pid
        name = arguments.first { $0 != "ip" } ?? ""
        capture = ends[0]
        pidfd = clinux_pidfd_open(pid)
    }

    deinit {
        if !isReaped {
            kill(pid, SIGKILL)
            var status: Int32 = 0
            _ = unsafe waitpid(pid, &status, 0)
        }
        if capture >= 0 { close(capture) }
        if pidfd >= 0 { close(pidfd) }
    }

    /// Whether it has not ended.
    var isRunning: Bool {
        var waiting = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&waiting, 1, 0) == 0
    }

    /// Sends a signal, to this process alone.
    func send(_ signal: Int32) {
        if !isReaped { kill(pid, signal) }
    }

    /// Waits for the end and returns the exit code with what was captured, or nil when the time is
    /// over; the child then goes on.
    ///
    /// - Throws: `Interrupted` when a signal came for us meanwhile.
    mutating func wait(milliseconds: Int32, signals: borrowing SignalQueue) throws -> Exit? {
        var output: [UInt8] = []
        var isOpen = capture >= 0
        let deadline = Self.milliseconds() + Int64(milliseconds)
        while true {
            var watched = [
                pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0),
                pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen ? capture : -1, events: Int16(POLLIN), revents: 0),
            ]
            let remaining = deadline - Self.milliseconds()
            guard remaining > 0 else { return nil }
            _ = unsafe poll(&watched, 3, Int32(remaining))
            if watched[1].revents != 0, signals.next() != nil { throw Interrupted() }
            if watched[2].revents != 0 {
                var bytes = [UInt8](repeating: 0, count: 65536)
                let count = unsafe read(capture, &bytes, bytes.count)
                if count > 0 { output += bytes.prefix(count) } else { isOpen = false }
            } else if watched[0].revents != 0 {
                return Exit(code: reap(), output: String(decoding: output, as: UTF8.self))
            }
        }
    }

    private static func milliseconds() -> Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    /// Runs a program to its end.
    ///
    /// - Throws: `Complaint` when it takes longer than `seconds`, `Interrupted` on a signal.
    static func run(
        _ arguments: [String], seconds: Int32, signals: borrowing SignalQueue
    ) throws -> Exit {
        var child = try Child(arguments)
        guard let exit = try child.wait(milliseconds: seconds * 1000, signals: signals) else {
            throw Complaint(
                "`\(arguments.joined(separator: " "))` did not end within \(seconds) s",
                remedy: nil)
        }
        return exit
    }

    /// Asks it to end with SIGTERM, then after a while kills it; returns its exit code.
    consuming func stop(milliseconds: Int32 = 15_000) -> Int32 {
        send(SIGTERM)
        var watched = [pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)]
        if unsafe poll(&watched, 1, milliseconds) == 0 { send(SIGKILL) }
        return reap()
    }

    private mutating func reap() -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        isReaped = true
        if clinux_exited(status) != 0 { return clinux_exit_status(status) }
        return 128 + clinux_termination_signal(status)
    }

    // SAFETY: the C strings live until posix_spawnp has returned; the array ends with nil; actions
    // and attributes are initialised and destroyed here.
    private static func spawn(
        _ arguments: [String], output: Int32, inherited: [Int32]
    ) -> (pid: Int32, errno: Int32) {
        let words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 2)
        // A dup2 onto itself clears close-on-exec.
        for fd in inherited { unsafe posix_spawn_file_actions_adddup2(&actions, fd, fd) }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        unsafe posix_spawnattr_setsigmask(&attributes, &mask)
        var pid: Int32 = 0
        let error = unsafe posix_spawnp(
            &pid, words[0] ?? strdup(""), &actions, &attributes, words, environ)
        return (pid, error)
    }
}

/// A signal asked us to stop what we do and clean up.
struct Interrupted: Error, CustomStringConvertible {
    var description: String { "interrupted" }
}
