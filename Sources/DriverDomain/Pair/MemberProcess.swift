// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Platform

/// A member of the pair, as its parent has it.
struct MemberProcess: ~Copyable {
    let pid: pid_t
    let pidfd: Int32
    let socket: MemberSocket
    /// Its workers serve.
    var isServing = false
    /// Another member serves what it served.
    var isSucceeded = false
    /// It holds what the primary serves.
    var isStanding = false
    /// It was asked to end.
    var isEnding = false
    let startedAt: Instant

    /// Starts one. The descriptors stay the caller's.
    ///
    /// `inherited` is what it finds at `MemberDescriptors`, but for its socket.
    ///
    /// - Throws: when it cannot be started.
    init(arguments: [String], inherited: [Int32: Int32]) throws(PlatformError) {
        let (ours, theirs) = try MemberSocket.pair()
        let socket = MemberSocket(taking: ours)
        var given = inherited
        given[MemberDescriptors.parent] = theirs
        let (pid, error) = Self.spawn(arguments, given)
        close(theirs)
        guard error == 0 else { throw PlatformError("posix_spawn", errno: error) }
        self.pid = pid
        self.socket = socket
        pidfd = clinux_pidfd_open(pid)
        startedAt = .now
    }

    deinit { if pidfd >= 0 { close(pidfd) } }

    /// Sends it a signal.
    borrowing func send(_ signal: Int32) { kill(pid, signal) }

    private static func spawn(
        _ arguments: [String], _ descriptors: [Int32: Int32]
    ) -> (pid: pid_t, error: Int32) {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        // First out of the way of the places where they are to be, then there.
        let away = (descriptors.keys.max() ?? 3) + 1
        let sorted = descriptors.sorted { $0.key < $1.key }
        for (position, entry) in sorted.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(
                &actions, entry.value, 500 + away + Int32(position))
        }
        for (position, entry) in sorted.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(
                &actions, 500 + away + Int32(position), entry.key)
        }
        unsafe clinux_spawn_close_from(&actions, away)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid: pid_t = 0
        let words = unsafe copies(of: arguments)
        // The runtime's own crash report would only keep the dead process's locks from its shadow.
        let names: [String] = ["XENSTORED_PATH", "PATH"]
        let kept = names.compactMap { name -> String? in
            guard let value = unsafe getenv(name) else { return nil }
            return unsafe "\(name)=\(String(cString: value))"
        }
        let environment = unsafe copies(of: ["SWIFT_BACKTRACE=enable=no"] + kept)
        defer { unsafe (words + environment).forEach { unsafe free($0) } }
        let error = unsafe posix_spawn(
            &pid, "/proc/self/exe", &actions, &attributes, words, environment)
        return (pid, error)
    }

    /// C strings, for the caller to free, and the null that ends the list.
    private static func copies(of texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        unsafe texts.map { unsafe strdup($0) } + [nil]
    }
}
