// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import Platform

/// Serves a store on Unix sockets, one for each domain: whoever connects there acts as that
/// domain. Never blocks and has no thread: its owner's loop polls `descriptor`.
public struct StoreServer: ~Copyable {
    /// Connections a guest may have at a time; one more is closed at once.
    public static let connectionsPerDomainMax = 64
    private static let acceptsPerTurnMax = 16
    private static let eventsPerTurnMax = 64

    /// What is served.
    public let store: EmulatedStore
    /// Readable when `serve` has something to do. An epoll descriptor, for poll(2) and epoll.
    public let descriptor: Int32

    private struct Listener {
        var descriptor: Int32
        var path: String
        var domain: DomainID
    }
    /// By a number that is never used again: a late event of a closed socket finds nothing.
    private var listeners: [UInt64: Listener] = [:]
    private var sockets: [UInt64: StoreSocket] = [:]
    private var lastToken: UInt64 = 0

    /// Serves a store, nowhere yet.
    public init(_ store: EmulatedStore) throws(PlatformError) {
        self.store = store
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw PlatformError("epoll_create1", errno: errno) }
    }

    deinit {
        for listener in listeners.values { StoreServer.close(listener) }
        for socket in sockets.values {
            store.close(socket.wire.connection)
            Glibc.close(socket.descriptor)
        }
        Glibc.close(descriptor)
    }

    /// How many clients are connected.
    public var connectionCount: Int { sockets.count }

    /// Whether a domain can connect.
    public func isListening(for domain: DomainID) -> Bool {
        listeners.values.contains { $0.domain == domain }
    }

    /// Listens on a path, replacing a socket that is there; it is unlinked when the server or
    /// the domain goes away.
    ///
    /// - Throws: `PlatformError`, with ENAMETOOLONG for a path of more than 107 bytes.
    public mutating func addListener(
        path: String, domain: DomainID
    ) throws(PlatformError) {
        let descriptor = try StoreServer.listen(path)
        let token = nextToken()
        listeners[token] = Listener(descriptor: descriptor, path: path, domain: domain)
        try control(EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, token)
    }

    /// Serves a connected stream socket, which it owns from now on.
    public mutating func addConnection(
        taking socket: Int32, domain: DomainID
    ) throws(PlatformError) {
        let token = nextToken()
        let wire = StoreWire(store, as: domain)
        var client = StoreSocket(taking: socket, wire: wire, domain: domain)
        client.interest = client.wantedInterest
        sockets[token] = client
        try control(EPOLL_CTL_ADD, socket, client.interest, token)
    }

    /// Stops listening for a domain and closes its connections.
    public mutating func remove(_ domain: DomainID) {
        for (token, listener) in listeners where listener.domain == domain {
            StoreServer.close(listener)
            listeners[token] = nil
        }
        for (token, socket) in sockets where socket.domain == domain { drop(token) }
    }

    /// Does whatever can be done now. To be called when `descriptor` is readable, and after the
    /// owner changed the store directly, so that watch events go out.
    public mutating func serve() throws(PlatformError) {
        // SAFETY: the kernel writes at most as many events as the array has, and of each event
        // only the number that `control` put there is read.
        var ready = unsafe [epoll_event](
            repeating: epoll_event(), count: StoreServer.eventsPerTurnMax)
        let count = unsafe epoll_wait(descriptor, &ready, Int32(ready.count), 0)
        guard count >= 0 || errno == EINTR else {
            throw PlatformError("epoll_wait", errno: errno)
        }
        for index in 0..<Int(max(0, count)) {
            let token = unsafe ready[index].data.u64
            if let listener = listeners[token] {
                try accept(on: listener)
            } else if let index = sockets.index(forKey: token) {
                sockets.values[index].receive()
                sockets.values[index].wire.serve(store)
            }
        }
        exchange()
        try tidy()
    }

    /// Moves events and replies out, and serves requests that had to wait for room, until
    /// nothing moves any more.
    private mutating func exchange() {
        var isMoving = true
        while isMoving {
            isMoving = false
            for index in sockets.indices {
                sockets.values[index].wire.deliverEvents(from: store)
                sockets.values[index].flush()
                let hasServed = sockets.values[index].wire.serve(store)
                let socket = sockets.values[index]
                let hasEvents =
                    !socket.isClosed && !socket.wire.isPaused && !socket.wire.isBroken
                    && store.hasWatchEvents(for: socket.wire.connection)
                if hasServed || hasEvents { isMoving = true }
            }
        }
    }

    private mutating func tidy() throws(PlatformError) {
        for token in Array(sockets.keys) {
            guard let socket = sockets[token] else { continue }
            if socket.isClosed || socket.wire.isBroken {
                drop(token)
            } else if socket.wantedInterest != socket.interest {
                sockets[token]?.interest = socket.wantedInterest
                try control(EPOLL_CTL_MOD, socket.descriptor, socket.wantedInterest, token)
            }
        }
    }

    private mutating func drop(_ token: UInt64) {
        guard let socket = sockets.removeValue(forKey: token) else { return }
        store.close(socket.wire.connection)
        Glibc.close(socket.descriptor)
    }

    private mutating func accept(on listener: Listener) throws(PlatformError) {
        for _ in 0..<StoreServer.acceptsPerTurnMax {
            let socket = clinux_accept(listener.descriptor)
            guard socket >= 0 else { return }
            let count = sockets.values.count { $0.domain == listener.domain }
            guard listener.domain == .control || count < StoreServer.connectionsPerDomainMax else {
                Glibc.close(socket)
                continue
            }
            try addConnection(taking: socket, domain: listener.domain)
        }
    }

    private mutating func nextToken() -> UInt64 {
        lastToken += 1
        return lastToken
    }

    private func control(
        _ operation: Int32, _ socket: Int32, _ interest: UInt32, _ token: UInt64
    ) throws(PlatformError) {
        var event = unsafe epoll_event()
        unsafe event.events = interest
        unsafe event.data.u64 = token
        // SAFETY: the kernel copies the event during the call.
        guard unsafe epoll_ctl(descriptor, operation, socket, &event) == 0 else {
            throw PlatformError("epoll_ctl", errno: errno)
        }
    }

    private static func listen(_ path: String) throws(PlatformError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in
            // The last byte stays 0.
            guard bytes.count < place.count else { return false }
            unsafe place.copyBytes(from: bytes)
            return true
        }
        guard fits else { throw PlatformError("bind", errno: ENAMETOOLONG) }
        let flags = Int32(
            SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, flags, 0)
        guard descriptor >= 0 else { throw PlatformError("socket", errno: errno) }
        unsafe unlink(path)
        // SAFETY: a sockaddr_un is what a Unix socket's bind reads, and its size is passed on.
        let isBound = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                unsafe bind(descriptor, general, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound, Glibc.listen(descriptor, SOMAXCONN) == 0 else {
            let error = errno
            Glibc.close(descriptor)
            throw PlatformError("bind", errno: error)
        }
        return descriptor
    }

    private static func close(_ listener: Listener) {
        Glibc.close(listener.descriptor)
        unsafe unlink(listener.path)
    }
}
