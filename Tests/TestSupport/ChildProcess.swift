// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A program run as a child, with what it printed. Killed with its process group when dropped.
package struct ChildProcess: ~Copyable {
    /// Why a child has no exit status.
    package enum Failure: Error, CustomStringConvertible {
        case notStarted(program: String, errno: Int32)
        case timedOut(program: String, output: String, errors: String)

        package var description: String {
            switch self {
            case .notStarted(let program, let errno): "\(program): not started, errno \(errno)"
            case .timedOut(let program, let output, let errors):
                "\(program): timed out\noutput: \(output)\nerrors: \(errors)"
            }
        }
    }

    /// The child's process id, which is its process group too.
    package let pid: Int32
    private let program: String
    private var outputPipe: Int32
    private var errorPipe: Int32
    private var isReaped = false

    /// Starts a program found in PATH. It inherits this process's first environment with the
    /// given changes, and no descriptor but an empty input and two pipes.
    package init(_ arguments: [String], environment: [String: String] = [:]) throws {
        program = arguments.first ?? ""
        let output = try ChildProcess.makePipe(for: program)
        let errors: (read: Int32, write: Int32)
        do { errors = try ChildProcess.makePipe(for: program) } catch {
            close(output.read)
            close(output.write)
            throw error
        }
        let result = ChildProcess.spawn(
            arguments, environment: environment, output: output.write, errors: errors.write)
        close(output.write)
        close(errors.write)
        guard result.errno == 0 else {
            close(output.read)
            close(errors.read)
            throw Failure.notStarted(program: program, errno: result.errno)
        }
        pid = result.pid
        outputPipe = output.read
        errorPipe = errors.read
    }

    deinit {
        if !isReaped {
            kill(-pid, SIGKILL)
            _ = ChildProcess.reap(pid)
        }
        close(outputPipe)
        close(errorPipe)
    }

    /// Runs a program to its end. See `wait(timeoutSeconds:)`.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:], timeoutSeconds: Int = 30
    ) throws -> (status: Int32, output: String, errors: String) {
        try ChildProcess(arguments, environment: environment).wait(timeoutSeconds: timeoutSeconds)
    }

    /// Whether the child is gone and only waits to be asked for its status.
    package func hasExited() -> Bool {
        var information = unsafe siginfo_t()
        // SAFETY: waitid fills the structure; with WNOHANG si_signo stays 0 while the child runs.
        let result = unsafe waitid(
            P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT)
        return unsafe result == 0 && information.si_signo == SIGCHLD
    }

    /// Waits until the child has closed its output and is gone.
    ///
    /// - Returns: the exit status, 128 plus the signal's number if one killed it.
    /// - Throws: `Failure.timedOut`; the child has been killed then.
    package consuming func wait(
        timeoutSeconds: Int = 30
    ) throws -> (status: Int32, output: String, errors: String) {
        let deadline = ChildProcess.milliseconds() + timeoutSeconds * 1000
        var captured: [[UInt8]] = [[], []]
        var pipes = [outputPipe, errorPipe]
        var left = timeoutSeconds * 1000
        while left > 0, pipes.contains(where: { $0 >= 0 }) {
            var polled = pipes.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            _ = unsafe poll(&polled, 2, Int32(clamping: left))
            for index in 0..<2 where polled[index].revents != 0 {
                if !ChildProcess.readSome(pipes[index], into: &captured[index]) {
                    pipes[index] = -1
                }
            }
            left = deadline - ChildProcess.milliseconds()
        }
        // A child that closed its output may still run.
        var status = ChildProcess.reap(pid, flags: WNOHANG)
        while status == nil, ChildProcess.milliseconds() < deadline {
            usleep(1000)
            status = ChildProcess.reap(pid, flags: WNOHANG)
        }
        let output = String(decoding: captured[0], as: UTF8.self)
        let errors = String(decoding: captured[1], as: UTF8.self)
        guard let status else {
            throw Failure.timedOut(program: program, output: output, errors: errors)
        }
        isReaped = true
        return (status, output, errors)
    }

    private static func makePipe(for program: String) throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard unsafe clinux_pipe(&ends) == 0 else {
            throw Failure.notStarted(program: program, errno: errno)
        }
        return (ends[0], ends[1])
    }

    // SAFETY: the C strings live in `words` and `settings` until posix_spawnp has returned; both
    // arrays end with nil; actions and attributes are initialised and destroyed here.
    private static func spawn(
        _ arguments: [String], environment: [String: String], output: Int32, errors: Int32
    ) -> (pid: Int32, errno: Int32) {
        guard let program = arguments.first else { return (-1, EINVAL) }
        var variables = firstEnvironment()
        variables.merge(environment) { _, new in new }
        var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        var settings = unsafe variables.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            unsafe (words + settings).forEach { unsafe free($0) }
        }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, errors, 2)
        unsafe clinux_spawn_close_from(&actions, 3)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        var pid: Int32 = -1
        let error = unsafe posix_spawnp(&pid, program, &actions, &attributes, &words, &settings)
        return (pid, error)
    }

    /// Read from the kernel, because `environ` may move while another test calls setenv.
    private static func firstEnvironment() -> [String: String] {
        let file = unsafe open("/proc/self/environ", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [:] }
        defer { close(file) }
        var bytes: [UInt8] = []
        while readSome(file, into: &bytes) {}
        var variables: [String: String] = [:]
        for setting in bytes.split(separator: 0) {
            let parts = setting.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            variables[String(decoding: parts[0], as: UTF8.self)] =
                String(decoding: parts[1], as: UTF8.self)
        }
        return variables
    }

    /// False at the end of the file or after an error.
    private static func readSome(_ file: Int32, into bytes: inout [UInt8]) -> Bool {
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            // SAFETY: the kernel writes at most the capacity it is told.
            count = unsafe max(0, read(file, buffer.baseAddress, buffer.count))
        }
        bytes += chunk
        return !chunk.isEmpty
    }

    /// The exit status in a shell's way; nil while it runs.
    private static func reap(_ pid: Int32, flags: Int32 = 0) -> Int32? {
        var status: Int32 = 0
        var result = unsafe waitpid(pid, &status, flags)
        while result < 0, errno == EINTR { result = unsafe waitpid(pid, &status, flags) }
        guard result == pid else { return nil }
        return clinux_signaled(status) != 0
            ? 128 + clinux_termination_signal(status) : clinux_exit_status(status)
    }

    private static func milliseconds() -> Int {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
    }
}
