// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
public import Platform

/// The machine as a process: its domains' sockets, the store, and one loop over all of them.
///
/// Nothing a domain sends can stop it: a datagram it does not understand is answered with EINVAL,
/// a peer that does not read its replies is dropped. It does trust that domains leave the flags of
/// the eventfds alone that it shares with them.
public struct MachineServer: ~Copyable {
    private static var stopToken: UInt64 { 0 }
    private static var storeToken: UInt64 { 1 }
    private static let eventsPerTurnMax = 64
    private static let requestsPerTurnMax = 16

    let machine: Machine
    let directory: RunDirectory
    let store: EmulatedStore
    let storeConnection: StoreConnectionID
    var storeServer: StoreServer
    private let epoll: OwnedDescriptor
    private var listeners: [UInt64: SocketListener] = [:]
    private var clients: [UInt64: MachineClient] = [:]
    private var lastToken = MachineServer.storeToken

    /// Takes `directory`, removing what a dead machine left there, and makes dom0's sockets.
    ///
    /// - Parameters:
    ///   - directory: where the sockets go.
    ///   - quota: what each domain may use up of the store.
    /// - Returns: a machine without domains.
    /// - Throws: `PlatformError` with EWOULDBLOCK while another machine uses the directory,
    ///   ENAMETOOLONG when its path is too long for a socket.
    public static func start(
        in directory: String, quota: StoreQuota = StoreQuota()
    ) throws(PlatformError) -> MachineServer {
        var server = try MachineServer(directory, quota)
        try server.watch(server.storeServer.descriptor, MachineServer.storeToken)
        try server.open(.control)
        return server
    }

    private init(_ path: String, _ quota: StoreQuota) throws(PlatformError) {
        let directory = try RunDirectory(path)
        let epoll = OwnedDescriptor(taking: epoll_create1(Int32(EPOLL_CLOEXEC)))
        guard epoll.number >= 0 else { throw PlatformError("epoll_create1", errno: errno) }
        let store = EmulatedStore(quota: quota)
        let storeServer = try StoreServer(store)
        let machine = try Machine(form: .processes)
        self.machine = machine
        self.directory = directory
        self.epoll = epoll
        self.store = store
        self.storeServer = storeServer
        storeConnection = store.open(as: .control)
    }

    /// Makes a domain with its sockets and its home in the store.
    ///
    /// - Throws: `PlatformError`: as `Machine.createDomain`, EEXIST also for a name that is taken.
    @discardableResult
    public mutating func createDomain(
        name: String, pageCount: Int, id: DomainID? = nil
    ) throws(PlatformError) -> DomainID {
        guard !name.isEmpty, !machine.domainIDs.contains(where: { machine.name(of: $0) == name })
        else {
            throw PlatformError(
                "XEN_DOMCTL_createdomain", errno: name.isEmpty ? EINVAL : EEXIST)
        }
        let id = try machine.createDomain(name: name, pageCount: pageCount, id: id)
        do { try open(id) } catch {
            try destroyDomain(id)
            throw error
        }
        return id
    }

    /// Ends a domain: its connections are closed, its sockets and its home in the store removed.
    ///
    /// - Throws: `PlatformError`: as `Machine.destroyDomain`.
    public mutating func destroyDomain(_ id: DomainID) throws(PlatformError) {
        try machine.destroyDomain(id)
        for (token, client) in clients where client.domain == id { drop(token) }
        listeners = listeners.filter { $0.value.domain != id }
        storeServer.remove(id)
        try removeHome(of: id)
        directory.removeFolder(of: id)
        try storeServer.serve()
    }

    /// Serves until `stop` is readable.
    public mutating func run(until stop: Int32) throws(PlatformError) {
        try watch(stop, MachineServer.stopToken)
        defer { _ = epoll_ctl(epoll.number, EPOLL_CTL_DEL, stop, nil) }
        while try !serve() {}
    }

    /// Waits for something to do and does it; true when it was to stop.
    private mutating func serve() throws(PlatformError) -> Bool {
        // SAFETY: the kernel writes at most as many events as there is room for, and only the
        // number that `watch` put there is read.
        var ready = unsafe [epoll_event](
            repeating: epoll_event(), count: MachineServer.eventsPerTurnMax)
        let count = unsafe epoll_wait(epoll.number, &ready, Int32(ready.count), -1)
        guard count >= 0 || errno == EINTR else {
            throw PlatformError("epoll_wait", errno: errno)
        }
        for index in 0..<Int(max(0, count)) {
            let token = unsafe ready[index].data.u64
            switch token {
            case MachineServer.stopToken: return true
            case MachineServer.storeToken: try storeServer.serve()
            default:
                if let listener = listeners[token] {
                    try accept(on: listener)
                } else if let client = clients[token] {
                    serve(client, token)
                }
            }
        }
        return false
    }

    private mutating func serve(_ client: MachineClient, _ token: UInt64) {
        for _ in 0..<MachineServer.requestsPerTurnMax {
            guard let datagram = UnixSocket.receive(from: client.descriptor) else {
                if errno != EAGAIN && errno != EINTR { drop(token) }
                return
            }
            // No request has descriptors.
            for descriptor in datagram.descriptors { close(descriptor) }
            let answer = answer(to: datagram.bytes, from: client)
            let bytes = answer.message.bytes
            // SAFETY: both arrays, with their own counts.
            let sent = unsafe clinux_send_fds(
                client.descriptor, bytes, bytes.count, answer.descriptors,
                Int32(answer.descriptors.count))
            // It may have destroyed its own domain with this request, or not read its replies.
            guard sent == bytes.count, clients[token] != nil else { return drop(token) }
        }
    }

    private mutating func accept(on listener: SocketListener) throws(PlatformError) {
        let socket = clinux_accept(listener.descriptor)
        guard socket >= 0 else { return }
        let domain = listener.domain
        let isFull =
            clients.values.count { $0.domain == domain } >= MachineLimits.connectionCountMax
        guard !isFull, let handle = try? machine.open(as: domain) else {
            close(socket)
            return
        }
        lastToken += 1
        clients[lastToken] = MachineClient(taking: socket, handle: handle)
        try watch(socket, lastToken)
    }

    /// Undoes all that a connection held, as the kernel undoes what a dead process held.
    private mutating func drop(_ token: UInt64) {
        guard let client = clients.removeValue(forKey: token) else { return }
        machine.close(client.handle)
    }

    /// Makes the sockets and the home of a domain that is there.
    private mutating func open(_ id: DomainID) throws(PlatformError) {
        let sockets = try directory.addFolder(of: id)
        let listener = try SocketListener(path: sockets.hypervisor, domain: id)
        lastToken += 1
        try watch(listener.descriptor, lastToken)
        listeners[lastToken] = listener
        try makeHome(of: id)
        try listenForStore(of: id, at: sockets.store)
        try storeServer.serve()
    }

    private func watch(_ descriptor: Int32, _ token: UInt64) throws(PlatformError) {
        // SAFETY: a local variable that the kernel copies during the call.
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        unsafe event.data.u64 = token
        guard unsafe epoll_ctl(epoll.number, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            throw PlatformError("epoll_ctl", errno: errno)
        }
    }
}

/// A socket on which one domain's connections arrive.
final class SocketListener {
    let domain: DomainID
    private let socket: OwnedDescriptor

    init(path: String, domain: DomainID) throws(PlatformError) {
        self.domain = domain
        socket = OwnedDescriptor(taking: try UnixSocket.listen(path: path))
    }

    var descriptor: Int32 { socket.number }
}

/// One connection of a domain.
final class MachineClient {
    let handle: MachineHandle
    private let socket: OwnedDescriptor

    init(taking socket: Int32, handle: MachineHandle) {
        self.socket = OwnedDescriptor(taking: socket)
        self.handle = handle
    }

    var descriptor: Int32 { socket.number }
    var domain: DomainID { handle.domain.id }
}
