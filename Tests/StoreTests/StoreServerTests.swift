// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import Platform
import StoreClient
import TestSupport
import Testing

@Suite("the emulated store's server", .serialized)
struct StoreServerTests {
    /// A raw client socket.
    private static func connect(_ path: String) throws -> Int32 {
        let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: Array(path.utf8))
        }
        // SAFETY: a sockaddr_un of its own size.
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw PlatformError("connect", errno: errno) }
        return client
    }

    /// A server that the test itself turns, with a socket in a new directory.
    private static func withServer(
        _ body: (inout StoreServer, EmulatedStore, String) throws -> Void
    ) throws {
        let directory = try TemporaryDirectory()
        let store = EmulatedStore()
        var server = try StoreServer(store)
        try body(&server, store, directory.path + "/socket")
        server.remove(.control)
        server.remove(DomainID(1))
    }

    private static func message(_ type: StoreMessageType, _ payload: String) -> [UInt8] {
        let bytes = Array(payload.utf8)
        return StoreMessageHeader(
            type: type.rawValue, request: 1, transaction: 0, payloadSize: UInt32(bytes.count)
        ).bytes + bytes
    }

    private static func send(_ client: Int32, _ bytes: [UInt8]) -> Int {
        unsafe Glibc.send(client, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    }

    private static func receive(_ client: Int32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe recv(client, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return Array(bytes.prefix(max(0, count)))
    }

    @Test("a socket too long to bind is refused", .timeLimit(.minutes(10)))
    func longPath() throws {
        try Self.withServer { server, _, _ in
            #expect(throws: PlatformError("bind", errno: ENAMETOOLONG)) {
                try server.addListener(
                    path: "/tmp/" + String(repeating: "x", count: 103), domain: .control)
            }
        }
    }

    @Test("the owner's changes reach a client with the next turn", .timeLimit(.minutes(10)))
    func ownersChanges() throws {
        try Self.withServer { server, store, path in
            try server.addListener(path: path, domain: .control)
            let client = try Self.connect(path)
            defer { close(client) }
            #expect(Self.send(client, Self.message(.watch, "/a\0t\0")) > 0)
            try server.serve()
            try server.serve()
            _ = Self.receive(client)
            var dom0 = InProcessStore(store, as: .control)
            try dom0.write("/a", "x")
            try server.serve()
            #expect(Self.receive(client).suffix(5) == Array("/a\0t\0".utf8))
        }
    }

    @Test("garbage loses the connection and nothing else", .timeLimit(.minutes(10)))
    func garbage() throws {
        try Self.withServer { server, _, path in
            try server.addListener(path: path, domain: .control)
            let bad = try Self.connect(path)
            let good = try Self.connect(path)
            defer {
                close(bad)
                close(good)
            }
            try server.serve()
            #expect(server.connectionCount == 2)
            #expect(Self.send(bad, [UInt8](repeating: 0xFF, count: 300)) > 0)
            #expect(Self.send(good, Self.message(.write, "/a\0x")) > 0)
            try server.serve()
            #expect(server.connectionCount == 1)
            #expect(Self.receive(good).suffix(3) == Array("OK\0".utf8))
        }
    }

    @Test(
        "a client that never reads neither blocks the server nor fills it", .timeLimit(.minutes(9)))
    func neverReading() throws {
        try Self.withServer { server, store, path in
            try server.addListener(path: path, domain: .control)
            let client = try Self.connect(path)
            defer { close(client) }
            var dom0 = InProcessStore(store, as: .control)
            try dom0.write("/a", String(repeating: "v", count: 4000))
            let request = Self.message(.read, "/a\0")
            var sent = 0
            for _ in 0..<2000 {
                for _ in 0..<50 where Self.send(client, request) == request.count { sent += 1 }
                try server.serve()
            }
            // The client's requests wait in its own socket by now.
            #expect(Self.send(client, request) < 0)
            var received = 0
            for _ in 0..<200_000 where received < sent * (4000 + StoreMessageHeader.size) {
                received += Self.receive(client).count
                try server.serve()
            }
            #expect(received == sent * (4000 + StoreMessageHeader.size))
            #expect(server.connectionCount == 1)
        }
    }

    /// Reads until neither end has anything to do; turns the server only when it asks for it.
    private static func drain(_ client: Int32, _ server: inout StoreServer) throws -> Int {
        var received = 0
        var isMoving = true
        while isMoving {
            let count = receive(client).count
            received += count
            var polled = pollfd(fd: server.descriptor, events: Int16(POLLIN), revents: 0)
            let isReady = unsafe poll(&polled, 1, 0) > 0
            if isReady { try server.serve() }
            isMoving = count > 0 || isReady
        }
        return received
    }

    @Test("replies beyond the room for them come without being asked for", .timeLimit(.minutes(10)))
    func lateReplies() throws {
        try Self.withServer { server, store, path in
            try server.addListener(path: path, domain: .control)
            let client = try Self.connect(path)
            defer { close(client) }
            var dom0 = InProcessStore(store, as: .control)
            try dom0.write("/a", String(repeating: "v", count: 4000))
            let requests = (0..<200).flatMap { _ in Self.message(.read, "/a\0") }
            #expect(Self.send(client, requests) == requests.count)
            #expect(
                try Self.drain(client, &server) == 200 * (4000 + StoreMessageHeader.size))
        }
    }

    @Test("events beyond the room for them come without being asked for", .timeLimit(.minutes(10)))
    func lateEvents() throws {
        try Self.withServer { server, store, path in
            try server.addListener(path: path, domain: .control)
            let client = try Self.connect(path)
            defer { close(client) }
            let token = String(repeating: "t", count: 1000)
            #expect(Self.send(client, Self.message(.watch, "/d\0" + token + "\0")) > 0)
            _ = try Self.drain(client, &server)
            var dom0 = InProcessStore(store, as: .control)
            for index in 1000..<2000 { try dom0.write("/d/\(index)", "") }
            try server.serve()
            let size = StoreMessageHeader.size + "/d/1000".utf8.count + token.utf8.count + 2
            #expect(try Self.drain(client, &server) == 1000 * size)
        }
    }

    @Test("a client that never reads its events is dropped at a bound", .timeLimit(.minutes(10)))
    func neverReadingEvents() throws {
        var quota = StoreQuota()
        quota.pendingEventsMax = 100
        let store = EmulatedStore(quota: quota)
        var server = try StoreServer(store)
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        #expect(unsafe socketpair(AF_UNIX, type, 0, &ends) == 0)
        defer { close(ends[0]) }
        try server.addConnection(taking: ends[1], domain: .control)
        #expect(Self.send(ends[0], Self.message(.watch, "/d\0t\0")) > 0)
        try server.serve()
        var dom0 = InProcessStore(store, as: .control)
        var count = 0
        while server.connectionCount > 0, count < 200_000 {
            try dom0.write("/d/\(count)", "")
            count += 1
            try server.serve()
        }
        #expect(server.connectionCount == 0)
        try dom0.write("/d", "still served")
    }

    @Test("a guest can have so many connections and no more", .timeLimit(.minutes(10)))
    func connectionLimit() throws {
        try Self.withServer { server, _, path in
            try server.addListener(path: path, domain: DomainID(1))
            var clients: [Int32] = []
            defer { clients.forEach { close($0) } }
            for _ in 0..<(StoreServer.connectionsPerDomainMax + 10) {
                clients.append(try Self.connect(path))
                try server.serve()
            }
            #expect(server.connectionCount == StoreServer.connectionsPerDomainMax)
        }
    }

    @Test(
        "a released domain's sockets are closed, and its path is gone when removed",
        .timeLimit(.minutes(10)))
    func release() throws {
        try Self.withServer { server, store, path in
            store.introduce(DomainID(1))
            try server.addListener(path: path, domain: DomainID(1))
            let client = try Self.connect(path)
            defer { close(client) }
            try server.serve()
            #expect(server.connectionCount == 1)
            try store.release(DomainID(1))
            try server.serve()
            #expect(server.connectionCount == 0)
            #expect(unsafe access(path, F_OK) == 0)
            server.remove(DomainID(1))
            #expect(unsafe access(path, F_OK) != 0)
        }
    }
}
