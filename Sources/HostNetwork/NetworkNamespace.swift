// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// A network namespace, held open by a descriptor; it lives while anyone holds or names it.
///
/// Namespaces belong to threads: entering one changes the calling thread, and the processes and
/// threads it starts from then on, and no other.
public struct NetworkNamespace: ~Copyable {
    /// Where names live. Corresponds to `NETNS_RUN_DIR` of iproute2.
    static let directory = "/run/netns"

    /// The open descriptor; it stays this namespace's.
    public let descriptor: Int32

    /// Adopts a descriptor of a network namespace.
    public init(taking descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { _ = Glibc.close(descriptor) }

    /// The calling thread's.
    public static func current() throws(HostNetworkError) -> NetworkNamespace {
        try open("/proc/thread-self/ns/net")
    }

    /// A process's.
    public static func of(process: Int32) throws(HostNetworkError) -> NetworkNamespace {
        try open("/proc/\(process)/ns/net")
    }

    /// The one that `ip netns add NAME` or `bind(as:)` named.
    public static func named(_ name: String) throws(HostNetworkError) -> NetworkNamespace {
        try open(path(of: name, for: "ip netns"))
    }

    /// A new one with nothing in it but a loopback that is down; the calling thread stays where
    /// it is. `unshare -n`.
    public static func fresh() throws(HostNetworkError) -> NetworkNamespace {
        let home = try current()
        try enterFresh()
        let made: Result<NetworkNamespace, HostNetworkError>
        do throws(HostNetworkError) {
            made = .success(try current())
        } catch {
            made = .failure(error)
        }
        home.enterOrStop()
        return try made.get()
    }

    /// Moves the calling thread into a new one for good. `unshare(CLONE_NEWNET)`.
    public static func enterFresh() throws(HostNetworkError) {
        guard clinux_unshare(CLONE_NEWNET) == 0 else {
            throw refused("unshare -n", "network namespace")
        }
    }

    /// Moves the calling thread into this one for good. `setns`.
    public func enter() throws(HostNetworkError) {
        guard clinux_setns(descriptor, CLONE_NEWNET) == 0 else {
            throw NetworkNamespace.refused("setns", "network namespace")
        }
    }

    /// Runs `body` with the calling thread inside of this one, then returns to where it was. What
    /// is opened inside, as a TAP or a `NetlinkSession`, stays there.
    ///
    /// Ends the process when the thread cannot return: it would go on plumbing in the wrong place.
    public func within<Outcome: ~Copyable>(
        _ body: () throws(HostNetworkError) -> Outcome
    ) throws(HostNetworkError) -> Outcome {
        let home = try NetworkNamespace.current()
        try enter()
        defer { home.enterOrStop() }
        return try body()
    }

    /// Gives this one a name for other programs. `ip netns attach NAME`.
    public func bind(as name: String) throws(HostNetworkError) {
        let path = try NetworkNamespace.path(of: name, for: "ip netns add")
        try NetworkNamespace.prepareDirectory()
        let file = unsafe Glibc.open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0)
        guard file >= 0 else { throw HostNetworkError(lastErrnoOf: "ip netns add", on: path) }
        _ = Glibc.close(file)
        let source = "/proc/self/fd/\(descriptor)"
        guard unsafe mount(source, path, "none", UInt(MS_BIND), nil) == 0 else {
            let error = NetworkNamespace.refused("ip netns add", path)
            _ = unsafe unlink(path)
            throw error
        }
    }

    /// Takes a name away; the namespace lives on while anyone holds it. `ip netns delete NAME`.
    public static func delete(named name: String) throws(HostNetworkError) {
        let path = try path(of: name, for: "ip netns delete")
        // EINVAL: the file is there but nothing is mounted on it; removing it is all there is.
        if unsafe umount2(path, Int32(MNT_DETACH)) != 0, Glibc.errno != EINVAL {
            throw refused("ip netns delete", path)
        }
        guard unsafe unlink(path) == 0 else {
            throw HostNetworkError(lastErrnoOf: "ip netns delete", on: path)
        }
    }

    /// Closes the descriptor.
    public consuming func close() {}

    private func enterOrStop() {
        guard clinux_setns(descriptor, CLONE_NEWNET) == 0 else {
            fatalError("a thread cannot return to its network namespace: errno \(Glibc.errno)")
        }
    }

    private static func open(_ path: String) throws(HostNetworkError) -> NetworkNamespace {
        let opened = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else {
            let error = Glibc.errno
            throw HostNetworkError(
                "open network namespace", on: path, errno: error,
                explanation: error == ENOENT ? "there is no such namespace" : nil)
        }
        return NetworkNamespace(taking: opened)
    }

    private static func path(
        of name: String, for operation: String
    ) throws(HostNetworkError) -> String {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(0),
            !name.contains("/"), name.utf8.count <= NAME_MAX
        else {
            throw HostNetworkError(
                operation, on: name, errno: EINVAL,
                explanation: "not a namespace's name: it must be the name of a file")
        }
        return "\(directory)/\(name)"
    }

    /// Makes the directory of names a shared mount, so that a name given here is seen, and can be
    /// taken away, from other mount namespaces.
    private static func prepareDirectory() throws(HostNetworkError) {
        if unsafe mkdir(directory, 0o755) != 0, Glibc.errno != EEXIST {
            throw HostNetworkError(lastErrnoOf: "mkdir", on: directory)
        }
        let shared = UInt(MS_SHARED | MS_REC)
        if unsafe mount("", directory, "none", shared, nil) == 0 { return }
        let bound = UInt(MS_BIND | MS_REC)
        guard Glibc.errno == EINVAL,
            unsafe mount(directory, directory, "none", bound, nil) == 0,
            unsafe mount("", directory, "none", shared, nil) == 0
        else {
            throw refused("mount --make-shared", directory)
        }
    }

    private static func refused(_ operation: String, _ subject: String) -> HostNetworkError {
        let error = Glibc.errno
        return HostNetworkError(
            operation, on: subject, errno: error,
            explanation: error == EPERM
                ? "needs CAP_SYS_ADMIN: run as root or inside `unshare -Urnm`" : nil)
    }
}
