// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Platform
import StoreClient
import Testing

/// Serialised within StoreServerTests: XENSTORED_PATH belongs to the whole process.
extension StoreServerTests {
    @Suite("libxenstore against the emulated server")
    struct LibXenStoreTests {
        let server: StoreServerThread

        init() throws { server = try StoreServerThread() }

        private func connect(_ domain: UInt16 = 0) throws(PlatformError) -> LibXenStore {
            try LibXenStore(socketPath: server.socketPath(domain))
        }

        /// Waits for the next event; nil after ten seconds.
        private func event(_ client: inout LibXenStore) throws -> StoreWatchEvent? {
            for _ in 0..<100 {
                if let event = try client.nextWatchEvent() { return event }
                var polled = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
                _ = unsafe poll(&polled, 1, 100)
            }
            return nil
        }

        @Test("nobody at the socket is an error", .timeLimit(.minutes(10)))
        func nobody() {
            #expect(throws: PlatformError.self) {
                _ = try LibXenStore(socketPath: "/nonexistent/socket")
            }
        }

        @Test(
            "a daemon that ends is noticed by whichever request comes first, and for good",
            .timeLimit(.minutes(10)),
            arguments: (0..<6).map { ($0, false) } + (0..<7).map { ($0, true) })
        func loss(request: Int, isWatching: Bool) throws {
            var server: StoreServerThread? = try StoreServerThread()
            let path = try #require(server?.socketPath())
            var client = try LibXenStore(socketPath: path)
            try client.write("/a", "1")
            if isWatching {
                try client.watch("/a", token: "t")
                while try event(&client) == nil {}
            }
            let wasConnected = client.isConnected
            #expect(wasConnected)
            server = nil
            for _ in 0..<2 {
                #expect(throws: PlatformError.self) {
                    switch request {
                    case 0: _ = try client.read("/a")
                    case 1: try client.write("/a", "2")
                    case 2: try client.remove("/a")
                    case 3: _ = try client.directory("/a")
                    case 4: try client.watch("/b", token: "u")
                    case 5: _ = try client.beginTransaction()
                    // The library's thread takes its time to see it, and then tells nobody.
                    default: while try client.nextWatchEvent() == nil { usleep(1000) }
                    }
                }
            }
            let isConnected = client.isConnected
            #expect(!isConnected)
            #expect(server == nil)
        }

        @Test("nodes are written, read, listed and removed", .timeLimit(.minutes(10)))
        func nodes() throws {
            var client = try connect()
            #expect(try client.read("/a") == nil)
            #expect(try client.directory("/a") == nil)
            #expect(try client.permissions("/a") == nil)
            try client.write("/a/b", "value")
            try client.write("/a/c", "")
            #expect(try client.read("/a/b") == "value")
            #expect(try client.read("/a/c") == "")
            #expect(try client.directory("/a") == ["b", "c"])
            #expect(try client.directory("/a/b") == [])
            #expect(try client.remove("/a/b"))
            #expect(try client.directory("/a") == ["c"])
            #expect(try !client.remove("/x/y"))
            #expect(throws: PlatformError("xs_read", errno: EINVAL)) { try client.read("//") }
            #expect(throws: PlatformError("xs_write", errno: EINVAL)) {
                try client.write("/a/", "")
            }
            #expect(throws: PlatformError("xs_rm", errno: EINVAL)) { try client.remove("/") }
        }

        @Test("a directory longer than a message is listed whole", .timeLimit(.minutes(10)))
        func longDirectory() throws {
            var client = try connect()
            let names = (1000..<1700).map { "name-\($0)" }
            for name in names { try client.write("/d/" + name, "") }
            #expect(try client.directory("/d") == names)
        }

        @Test("permissions go both ways, and bind guests", .timeLimit(.minutes(10)))
        func permissions() throws {
            var dom0 = try connect()
            var guest = try connect(1)
            let permissions: [StorePermission] = [
                .init(0, "n"), .init(1, "r"), .init(2, "b"), .init(3, "w"),
            ]
            try dom0.write("/a", "x")
            #expect(throws: PlatformError("xs_read", errno: EACCES)) { try guest.read("/a") }
            try dom0.setPermissions("/a", permissions, in: .none)
            #expect(try dom0.permissions("/a") == permissions)
            #expect(try guest.read("/a") == "x")
            #expect(throws: PlatformError("xs_write", errno: EACCES)) {
                try guest.write("/a", "y")
            }
            #expect(throws: PlatformError("xs_set_permissions", errno: EACCES)) {
                try guest.setPermissions("/a", permissions, in: .none)
            }
        }

        @Test("a guest's relative paths are below its home", .timeLimit(.minutes(10)))
        func relative() throws {
            var dom0 = try connect()
            var guest = try connect(2)
            try guest.write("data/x", "1")
            #expect(try dom0.read("/local/domain/2/data/x") == "1")
            #expect(try dom0.permissions("/local/domain/2/data/x") == [.init(2, "n")])
        }

        @Test("watches fire across connections", .timeLimit(.minutes(10)))
        func watches() throws {
            var dom0 = try connect()
            var guest = try connect(1)
            try dom0.watch("/local/domain/1", token: "home")
            #expect(
                try event(&dom0) == StoreWatchEvent(path: "/local/domain/1", token: "home"))
            #expect(try dom0.nextWatchEvent() == nil)
            try guest.watch("device", token: "mine")
            #expect(try event(&guest) == StoreWatchEvent(path: "device", token: "mine"))
            try guest.write("device/vif/0/state", "4")
            #expect(
                try event(&dom0)
                    == StoreWatchEvent(
                        path: "/local/domain/1/device/vif/0/state", token: "home"))
            #expect(
                try event(&guest) == StoreWatchEvent(path: "device/vif/0/state", token: "mine"))
            #expect(throws: PlatformError("xs_watch", errno: EEXIST)) {
                try guest.watch("device", token: "mine")
            }
            try guest.unwatch("device", token: "mine")
            #expect(throws: PlatformError("xs_unwatch", errno: ENOENT)) {
                try guest.unwatch("device", token: "mine")
            }
        }

        @Test("many events reach a client that looks late", .timeLimit(.minutes(10)))
        func manyEvents() throws {
            var reader = try connect()
            var writer = try connect()
            try reader.watch("/d", token: "t")
            for index in 0..<3000 { try writer.write("/d/\(index)", "") }
            var seen: Set<String> = []
            while seen.count < 3001, let event = try event(&reader) { seen.insert(event.path) }
            #expect(seen.count == 3001)
        }

        @Test("transactions commit, abort and lose races", .timeLimit(.minutes(10)))
        func transactions() throws {
            var first = try connect()
            var second = try connect()
            let committed = try first.beginTransaction()
            try first.write("/n", "1", in: committed)
            #expect(try second.read("/n") == nil)
            #expect(try first.read("/n", in: committed) == "1")
            #expect(try first.endTransaction(committed, commit: true))
            #expect(try second.read("/n") == "1")

            let lost = try first.beginTransaction()
            _ = try first.read("/n", in: lost)
            try first.write("/m", "x", in: lost)
            try second.write("/n", "2")
            #expect(try !first.endTransaction(lost, commit: true))
            #expect(try second.read("/m") == nil)

            let aborted = try first.beginTransaction()
            try first.write("/m", "x", in: aborted)
            #expect(try first.endTransaction(aborted, commit: false))
            #expect(try second.read("/m") == nil)
            #expect(throws: PlatformError("xs_transaction_end", errno: ENOENT)) {
                try first.endTransaction(aborted, commit: true)
            }
        }

        @Test(
            "a client that goes away takes its watches and transactions along",
            .timeLimit(.minutes(10)))
        func closing() throws {
            for _ in 0..<20 {
                var guest = try connect(1)
                for index in 0..<10 {
                    _ = try guest.beginTransaction()
                    try guest.watch("a", token: "\(index)")
                }
            }
        }
    }
}
