// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import Testing

@Suite("nodes of the emulated store")
struct StoreNodesTests {
    let fixture = StoreFixture()

    @Test("a written value is read back")
    func roundTrip() throws {
        try fixture.write("/a", "one")
        #expect(try fixture.read("/a") == "one")
        try fixture.write("/a", "two")
        #expect(try fixture.read("/a") == "two")
    }

    @Test("a value may be any bytes")
    func anyBytes() throws {
        let bytes = (0...255).map { UInt8($0) }
        try fixture.store.write("/a", bytes, by: fixture.dom0)
        #expect(try fixture.store.read("/a", by: fixture.dom0) == bytes)
    }

    @Test("a write makes the parents, empty")
    func parents() throws {
        try fixture.write("/a/b/c", "x")
        #expect(try fixture.read("/a/b") == "")
        #expect(try fixture.names("/") == ["a"])
        #expect(try fixture.names("/a") == ["b"])
    }

    @Test("the children come in order")
    func order() throws {
        for name in ["b", "a", "c10", "c1"] { try fixture.write("/d/" + name) }
        #expect(try fixture.names("/d") == ["a", "b", "c1", "c10"])
    }

    @Test("a missing node is ENOENT to read and to list")
    func missing() {
        #expect(throws: StoreError.notFound) { try fixture.read("/a") }
        #expect(throws: StoreError.notFound) { try fixture.names("/a") }
    }

    @Test("making a directory leaves an existing value alone")
    func makeDirectory() throws {
        try fixture.write("/a", "x")
        try fixture.store.makeDirectory("/a", by: fixture.dom0)
        try fixture.store.makeDirectory("/b/c", by: fixture.dom0)
        #expect(try fixture.read("/a") == "x")
        #expect(try fixture.read("/b/c") == "")
    }

    @Test("removing takes everything below along")
    func remove() throws {
        try fixture.write("/a/b/c", "x")
        try fixture.store.remove("/a/b", by: fixture.dom0)
        #expect(try fixture.names("/a") == [])
        #expect(throws: StoreError.notFound) { try fixture.read("/a/b/c") }
    }

    @Test("removing a missing node needs a parent only")
    func removeMissing() throws {
        try fixture.store.remove("/a", by: fixture.dom0)
        #expect(throws: StoreError.notFound) {
            try fixture.store.remove("/a/b", by: fixture.dom0)
        }
    }

    @Test("the root cannot be removed")
    func removeRoot() {
        #expect(throws: StoreError.invalid) { try fixture.store.remove("/", by: fixture.dom0) }
    }

    @Test(
        "a malformed path is EINVAL",
        arguments: ["", "//", "/a/", "/a//b", "a/", "/a b", "/a.b", "/\u{e9}", "/a\0b", "@a"])
    func malformed(path: String) {
        #expect(throws: StoreError.invalid) { try fixture.write(path) }
        #expect(throws: StoreError.invalid) { try fixture.read(path) }
        #expect(throws: StoreError.invalid) {
            try fixture.store.remove(path, by: fixture.dom0)
        }
    }

    @Test("every allowed character is allowed")
    func characters() throws {
        try fixture.write("/azAZ09-_@", "x")
        #expect(try fixture.read("/azAZ09-_@") == "x")
    }

    @Test("a path may be 3072 bytes long, a relative one 2048")
    func pathSizes() throws {
        try fixture.write("/" + String(repeating: "a", count: 3071))
        #expect(throws: StoreError.invalid) {
            try fixture.write("/" + String(repeating: "a", count: 3072))
        }
        try fixture.write(String(repeating: "a", count: 2048))
        #expect(throws: StoreError.invalid) {
            try fixture.write(String(repeating: "a", count: 2049))
        }
    }

    @Test("the deepest possible path can be made and removed")
    func deepest() throws {
        let path = String(repeating: "/a", count: 1536)
        try fixture.write(path, "x")
        #expect(try fixture.read(path) == "x")
        try fixture.store.remove("/a", by: fixture.dom0)
        #expect(try fixture.names("/") == [])
    }

    @Test("a relative path is below the home of the connection's domain")
    func relative() throws {
        let guest = try fixture.guest(3)
        try fixture.write("data/x", "1", by: guest)
        #expect(try fixture.read("/local/domain/3/data/x") == "1")
        try fixture.write("name", "dom0")
        #expect(try fixture.read("/local/domain/0/name") == "dom0")
    }

    @Test("the generation differs after a change of the children and stays without one")
    func generation() throws {
        try fixture.write("/a/b")
        let first = try fixture.store.directory("/a", by: fixture.dom0).generation
        try fixture.write("/c")
        #expect(try fixture.store.directory("/a", by: fixture.dom0).generation == first)
        try fixture.write("/a/d")
        #expect(try fixture.store.directory("/a", by: fixture.dom0).generation != first)
    }

    @Test("a closed connection is served no more")
    func closed() throws {
        let connection = fixture.store.open(as: .control)
        fixture.store.close(connection)
        #expect(!fixture.store.isOpen(connection))
        #expect(throws: StoreError.notFound) { try fixture.write("/a", by: connection) }
    }

    @Test("the in-process connection answers as the protocol says")
    func inProcess() throws {
        var client = InProcessStore(fixture.store, as: .control)
        #expect(try client.read("/a") == nil)
        #expect(try client.directory("/a") == nil)
        #expect(try client.permissions("/a") == nil)
        #expect(try !client.remove("/a/b"))
        try client.write("/a", "x")
        #expect(try client.read("/a") == "x")
        #expect(try client.directory("/") == ["a"])
        #expect(try client.remove("/a"))
        #expect(throws: PlatformError("XS_WRITE", errno: StoreError.invalid.errno)) {
            try client.write("//", "")
        }
        try client.watch("/b", token: "t")
        #expect(try client.nextWatchEvent() == StoreWatchEvent(path: "/b", token: "t"))
        #expect(try client.nextWatchEvent() == nil)
        try client.unwatch("/b", token: "t")
        let transaction = try client.beginTransaction()
        try client.write("/b", "y", in: transaction)
        try client.setPermissions("/b", [.init(0, "r")], in: transaction)
        #expect(try client.endTransaction(transaction, commit: true))
        #expect(try client.permissions("/b") == [.init(0, "r")])
    }

    @Test("in process, a lost race is false and not an error")
    func inProcessRace() throws {
        var client = InProcessStore(fixture.store, as: .control)
        let transaction = try client.beginTransaction()
        try client.write("/a", "1", in: transaction)
        try client.write("/a", "2")
        #expect(try !client.endTransaction(transaction, commit: true))
        #expect(try client.read("/a") == "2")
    }
}
