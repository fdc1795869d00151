// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Platform
import Testing

@testable import StoreClient

/// Served by the same server as libxenstore in its tests: both must see the same store.
extension StoreServerTests {
    @Suite("xenstore by its wire protocol, against the emulated server")
    struct XenbusStoreTests {
        let server: StoreServerThread

        init() throws { server = try StoreServerThread() }

        private func connect(_ domain: UInt16 = 0) throws(PlatformError) -> XenbusStore {
            try XenbusStore(path: server.socketPath(domain))
        }

        /// Waits for the next event; nil after ten seconds.
        private func event(_ client: inout XenbusStore) throws -> StoreWatchEvent? {
            for _ in 0..<100 {
                if let event = try client.nextWatchEvent() { return event }
                var polled = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
                _ = unsafe poll(&polled, 1, 100)
            }
            return nil
        }

        @Test("nodes are written, read, listed and removed", .timeLimit(.minutes(10)))
        func nodes() throws {
            var client = try connect()
            #expect(try client.read("/a") == nil)
            #expect(try client.directory("/a") == nil)
            try client.write("/a/b", "value")
            try client.write("/a/c", "")
            #expect(try client.read("/a/b") == "value")
            #expect(try client.read("/a/c") == "")
            #expect(try client.directory("/a") == ["b", "c"])
            #expect(try client.directory("/a/b") == [])
            #expect(try client.remove("/a/b"))
            #expect(try client.directory("/a") == ["c"])
            #expect(throws: PlatformError("XS_READ", errno: EINVAL)) { try client.read("//") }
            #expect(throws: PlatformError("XS_RM", errno: EINVAL)) { try client.remove("/") }
            let long = String(repeating: "x", count: 4096)
            #expect(throws: PlatformError("XS_WRITE", errno: E2BIG)) {
                try client.write("/a/c", long)
            }
            #expect(try client.read("/a/c") == "")
        }

        @Test("a directory longer than a message is listed whole", .timeLimit(.minutes(10)))
        func longDirectory() throws {
            var client = try connect()
            let names = (1000..<1700).map { "name-\($0)" }
            for name in names { try client.write("/d/" + name, "") }
            #expect(try client.directory("/d") == names)
        }

        @Test("permissions bind guests", .timeLimit(.minutes(10)))
        func permissions() throws {
            var dom0 = try connect()
            var guest = try connect(1)
            try dom0.write("/a", "x")
            #expect(throws: PlatformError("XS_READ", errno: EACCES)) { try guest.read("/a") }
            let entries: [StorePermission] = [
                .init(domain: DomainID(0), mayRead: false, mayWrite: false),
                .init(domain: DomainID(1), mayRead: true, mayWrite: false),
                .init(domain: DomainID(2), mayRead: true, mayWrite: true),
                .init(domain: DomainID(3), mayRead: false, mayWrite: true),
            ]
            try dom0.setPermissions("/a", entries, in: .none)
            var library = try LibXenStore(socketPath: server.socketPath(0))
            #expect(try library.permissions("/a") == entries)
            #expect(try guest.read("/a") == "x")
        }

        @Test("events that arrive amid requests are kept, in order", .timeLimit(.minutes(10)))
        func eventsAmidRequests() throws {
            var client = try connect()
            try client.watch("/d", token: "t")
            // Each write raises an event on the same connection, before or after its reply.
            for index in 0..<500 {
                try client.write("/d/\(index)", "\(index)")
                #expect(try client.read("/d/\(index)") == "\(index)")
            }
            let hasEvents = client.hasWaitingEvents
            #expect(hasEvents)
            #expect(try event(&client) == StoreWatchEvent(path: "/d", token: "t"))
            for index in 0..<500 {
                #expect(try event(&client) == StoreWatchEvent(path: "/d/\(index)", token: "t"))
            }
            let hasMore = client.hasWaitingEvents
            #expect(!hasMore)
            #expect(try client.nextWatchEvent() == nil)
        }

        @Test("watches are relative to a guest's home, and end", .timeLimit(.minutes(10)))
        func relativeWatches() throws {
            var guest = try connect(1)
            try guest.watch("device", token: "mine")
            #expect(try event(&guest) == StoreWatchEvent(path: "device", token: "mine"))
            #expect(throws: PlatformError("XS_WATCH", errno: EEXIST)) {
                try guest.watch("device", token: "mine")
            }
            try guest.unwatch("device", token: "mine")
            #expect(throws: PlatformError("XS_UNWATCH", errno: ENOENT)) {
                try guest.unwatch("device", token: "mine")
            }
            try guest.write("device/x", "1")
            #expect(try guest.nextWatchEvent() == nil)
        }

        @Test("transactions commit, abort and lose races", .timeLimit(.minutes(10)))
        func transactions() throws {
            var first = try connect()
            var second = try connect()
            let committed = try first.beginTransaction()
            try first.write("/n", "1", in: committed)
            #expect(try second.read("/n") == nil)
            #expect(try first.endTransaction(committed, commit: true))
            #expect(try second.read("/n") == "1")
            let lost = try first.beginTransaction()
            _ = try first.read("/n", in: lost)
            try first.write("/m", "x", in: lost)
            try second.write("/n", "2")
            #expect(try !first.endTransaction(lost, commit: true))
            let aborted = try first.beginTransaction()
            try first.write("/m", "x", in: aborted)
            #expect(try first.endTransaction(aborted, commit: false))
            #expect(try second.read("/m") == nil)
        }

        @Test("nobody at the socket is an error", .timeLimit(.minutes(10)))
        func nobody() {
            #expect(throws: PlatformError("open of xenbus", errno: ENOENT)) {
                _ = try XenbusStore(path: "/nonexistent/socket")
            }
        }
    }
}

/// A store that misbehaves: bytes of our making at the other end of a pair of sockets.
@Suite("xenstore's wire protocol, with a store that misbehaves")
struct XenbusStoreFaultTests {
    private let peer: Int32
    private let end: Int32

    init() throws {
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | O_NONBLOCK
        try #require(unsafe socketpair(AF_UNIX, kind, 0, &pair) == 0)
        (end, peer) = (pair[0], pair[1])
    }

    private func say(_ type: StoreMessageType, request: UInt32, _ payload: [UInt8]) {
        let header = StoreMessageHeader(
            type: type.rawValue, request: request, transaction: 0,
            payloadSize: UInt32(payload.count))
        let bytes = header.bytes + payload
        #expect(unsafe Glibc.write(peer, bytes, bytes.count) == bytes.count)
    }

    @Test("an answer to a request that was given up is not taken for the next one's")
    func lateAnswer() throws {
        var client = XenbusStore(taking: end)
        say(.read, request: 0, Array("late".utf8))
        say(.watchEvent, request: 0, Array("p".utf8) + [0] + Array("t".utf8) + [0])
        say(.read, request: 1, Array("right".utf8))
        #expect(try client.read("/a") == "right")
        #expect(try client.nextWatchEvent() == StoreWatchEvent(path: "p", token: "t"))
        #expect(try client.nextWatchEvent() == nil)
        close(peer)
    }

    @Test("a message in two parts waits for its rest")
    func twoParts() throws {
        var client = XenbusStore(taking: end)
        let payload = Array("p".utf8) + [0] + Array("t".utf8) + [0]
        let bytes =
            StoreMessageHeader(
                type: StoreMessageType.watchEvent.rawValue, request: 0, transaction: 0,
                payloadSize: UInt32(payload.count)
            ).bytes + payload
        for part in [bytes.prefix(7), bytes.dropFirst(7).prefix(11)] {
            #expect(unsafe Glibc.write(peer, Array(part), part.count) == part.count)
            #expect(try client.nextWatchEvent() == nil)
        }
        let rest = Array(bytes.dropFirst(18))
        #expect(unsafe Glibc.write(peer, rest, rest.count) == rest.count)
        #expect(try client.nextWatchEvent() == StoreWatchEvent(path: "p", token: "t"))
        close(peer)
    }

    @Test("an impossible length, and a connection that ends, are errors from then on")
    func broken() throws {
        var client = XenbusStore(taking: end)
        let header = StoreMessageHeader(
            type: 2, request: 1, transaction: 0, payloadSize: .max
        ).bytes
        #expect(unsafe Glibc.write(peer, header, header.count) == header.count)
        #expect(throws: PlatformError("xenstore's answer", errno: EPROTO)) {
            try client.nextWatchEvent()
        }
        #expect(throws: PlatformError("XS_READ", errno: EPIPE)) { try client.read("/a") }
        let isConnected = client.isConnected
        #expect(!isConnected)
        close(peer)
    }

    @Test("a request that nobody answers is given up, and the connection with it")
    func silence() throws {
        var client = XenbusStore(taking: end)
        #expect(throws: PlatformError("XS_READ", errno: ETIMEDOUT)) { try client.read("/a") }
        let isConnected = client.isConnected
        #expect(!isConnected)
        #expect(throws: PlatformError("XS_READ", errno: EPIPE)) { try client.read("/a") }
        close(peer)
    }

    @Test("a connection that ended says so")
    func ended() throws {
        var client = XenbusStore(taking: end)
        close(peer)
        #expect(throws: PlatformError("read of xenstore", errno: ECONNRESET)) {
            try client.nextWatchEvent()
        }
    }

    @Test("an error that the protocol does not know is a protocol error")
    func unknownError() throws {
        var client = XenbusStore(taking: end)
        say(.error, request: 1, Array("EWHATEVER".utf8) + [0])
        #expect(throws: PlatformError("XS_READ", errno: EPROTO)) { try client.read("/a") }
        close(peer)
    }
}
