// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import Testing

@Suite("watches of the emulated store")
struct StoreWatchTests {
    let fixture = StoreFixture()
    var store: EmulatedStore { fixture.store }

    @Test("a watch fires once when it is set, even on a missing node")
    func first() throws {
        try store.watch("/a/b", token: "t", by: fixture.dom0)
        let event = StoreWatchEvent(path: "/a/b", token: "t")
        #expect(store.hasWatchEvents(for: fixture.dom0))
        #expect(store.nextWatchEvent(for: fixture.dom0) == event)
        #expect(store.nextWatchEvent(for: fixture.dom0) == nil)
    }

    @Test("a watch fires for its node and everything below, and for nothing else")
    func below() throws {
        try fixture.watch("/a", by: fixture.dom0)
        try fixture.write("/a", "1")
        try fixture.write("/a/b/c", "1")
        try fixture.write("/ab", "1")
        try fixture.write("/b", "1")
        #expect(fixture.events(fixture.dom0) == ["/a", "/a/b/c"])
    }

    @Test("a watch on the root fires for everything")
    func root() throws {
        try fixture.watch("/", by: fixture.dom0)
        try fixture.write("/a/b")
        try store.setPermissions("/a", [.init(0, "r")], by: fixture.dom0)
        #expect(fixture.events(fixture.dom0) == ["/a/b", "/a"])
    }

    @Test("making a directory fires only if it was not there")
    func makeDirectory() throws {
        try fixture.watch("/a", by: fixture.dom0)
        try store.makeDirectory("/a", by: fixture.dom0)
        try store.makeDirectory("/a", by: fixture.dom0)
        #expect(fixture.events(fixture.dom0) == ["/a"])
    }

    @Test("removing an ancestor fires with the watched path")
    func ancestor() throws {
        try fixture.write("/a/b/c/d")
        try fixture.watch("/a/b", by: fixture.dom0)
        try store.remove("/a", by: fixture.dom0)
        #expect(fixture.events(fixture.dom0) == ["/a/b"])
        try store.remove("/a", by: fixture.dom0)
        #expect(fixture.events(fixture.dom0) == [])
    }

    @Test("a removal is one event for those who watch from above")
    func removal() throws {
        try fixture.write("/a/b/c/d")
        try fixture.watch("/a", by: fixture.dom0)
        try store.remove("/a/b", by: fixture.dom0)
        #expect(fixture.events(fixture.dom0) == ["/a/b"])
    }

    @Test("a relative watch has relative events, an absolute one absolute ones")
    func relative() throws {
        let guest = try fixture.guest(7)
        try store.watch("device", token: "r", by: guest)
        try store.watch("/local/domain/7/device", token: "a", by: guest)
        try fixture.write("device/vif/0/state", "1", by: guest)
        var events: [StoreWatchEvent] = []
        while let event = store.nextWatchEvent(for: guest) { events.append(event) }
        #expect(
            events == [
                StoreWatchEvent(path: "device", token: "r"),
                StoreWatchEvent(path: "/local/domain/7/device", token: "a"),
                StoreWatchEvent(path: "device/vif/0/state", token: "r"),
                StoreWatchEvent(path: "/local/domain/7/device/vif/0/state", token: "a"),
            ])
    }

    @Test("the same path and token twice is EEXIST, another token is not")
    func duplicate() throws {
        try store.watch("/local/domain/0/a", token: "t", by: fixture.dom0)
        #expect(throws: StoreError.exists) {
            try store.watch("a", token: "t", by: fixture.dom0)
        }
        try store.watch("/local/domain/0/a", token: "u", by: fixture.dom0)
    }

    @Test("an ended watch fires no more, and cannot be ended twice")
    func unwatch() throws {
        try store.watch("/a", token: "t", by: fixture.dom0)
        try store.watch("/a", token: "u", by: fixture.dom0)
        _ = fixture.events(fixture.dom0)
        try store.unwatch("/a", token: "t", by: fixture.dom0)
        try fixture.write("/a")
        #expect(store.nextWatchEvent(for: fixture.dom0)?.token == "u")
        #expect(store.nextWatchEvent(for: fixture.dom0) == nil)
        #expect(throws: StoreError.notFound) {
            try store.unwatch("/a", token: "t", by: fixture.dom0)
        }
    }

    @Test("a watch on a node that cannot be read does not fire", arguments: ["n", "r", "w"])
    func unreadable(letter: String) throws {
        let guest = try fixture.guest(1)
        try fixture.write("/a/b")
        try store.setPermissions("/a/b", [.init(0, letter)], by: fixture.dom0)
        try fixture.watch("/a/b", by: guest)
        try fixture.write("/a/b", "x")
        #expect(fixture.events(guest) == (letter == "r" ? ["/a/b"] : []))
    }

    @Test("whoever may list the parent hears of its children")
    func readableParent() throws {
        let guest = try fixture.guest(1)
        try fixture.write("/a/b")
        try store.setPermissions("/a", [.init(0, "r")], by: fixture.dom0)
        try fixture.watch("/a", by: guest)
        try fixture.write("/a/b")
        try fixture.write("/a/b/c")
        #expect(fixture.events(guest) == ["/a/b"])
    }

    @Test("losing the right to read is heard of, and so is the removal of a readable node")
    func losing() throws {
        let guest = try fixture.guest(1)
        for path in ["/a/b", "/a/c"] {
            try fixture.write(path)
            try store.setPermissions(path, [.init(0, "r")], by: fixture.dom0)
            try fixture.watch(path, by: guest)
        }
        try store.setPermissions("/a/b", [.init(0, "n")], by: fixture.dom0)
        try fixture.write("/a/b", "unheard")
        #expect(fixture.events(guest) == ["/a/b"])
        try store.remove("/a", by: fixture.dom0)
        #expect(fixture.events(guest) == ["/a/c"])
    }

    @Test("a transaction fires at its commit, in the order of its changes")
    func transaction() throws {
        try fixture.watch("/", by: fixture.dom0)
        let transaction = try store.beginTransaction(by: fixture.dom0)
        for path in ["/z", "/a/b", "/z", "/m"] { try fixture.write(path, in: transaction) }
        #expect(fixture.events(fixture.dom0) == [])
        try store.endTransaction(transaction, commit: true, by: fixture.dom0)
        #expect(fixture.events(fixture.dom0) == ["/z", "/a/b", "/m"])
    }

    @Test("an aborted or lost transaction does not fire")
    func lostTransaction() throws {
        try fixture.watch("/a", by: fixture.dom0)
        let aborted = try store.beginTransaction(by: fixture.dom0)
        try fixture.write("/a/b", in: aborted)
        try store.endTransaction(aborted, commit: false, by: fixture.dom0)
        let lost = try store.beginTransaction(by: fixture.dom0)
        _ = try? fixture.read("/x", in: lost)
        try fixture.write("/a/b", in: lost)
        try fixture.write("/x")
        #expect(throws: StoreError.again) {
            try store.endTransaction(lost, commit: true, by: fixture.dom0)
        }
        #expect(fixture.events(fixture.dom0) == [])
    }

    @Test("a removal in a transaction fires below as well")
    func removalInTransaction() throws {
        try fixture.write("/a/b/c")
        try fixture.watch("/a/b/c", by: fixture.dom0)
        let transaction = try store.beginTransaction(by: fixture.dom0)
        try store.remove("/a", in: transaction, by: fixture.dom0)
        try store.endTransaction(transaction, commit: true, by: fixture.dom0)
        #expect(fixture.events(fixture.dom0) == ["/a/b/c"])
    }

    @Test("a node written and then removed in one transaction is heard of")
    func writtenAndRemoved() throws {
        try fixture.write("/a/b")
        try fixture.watch("/a", by: fixture.dom0)
        let transaction = try store.beginTransaction(by: fixture.dom0)
        try fixture.write("/a/b", "x", in: transaction)
        try store.remove("/a/b", in: transaction, by: fixture.dom0)
        try store.endTransaction(transaction, commit: true, by: fixture.dom0)
        #expect(fixture.events(fixture.dom0) == ["/a/b"])
    }

    @Test("domains that come and go are special events")
    func domains() throws {
        try fixture.watch("@introduceDomain", by: fixture.dom0)
        try fixture.watch("@releaseDomain", by: fixture.dom0)
        try fixture.watch("/", by: fixture.dom0)
        store.introduce(DomainID(1))
        #expect(fixture.events(fixture.dom0) == ["@introduceDomain"])
        store.introduce(DomainID(1))
        #expect(fixture.events(fixture.dom0) == [])
        try store.release(DomainID(1))
        #expect(fixture.events(fixture.dom0) == ["@releaseDomain"])
        #expect(throws: StoreError.notFound) { try store.release(DomainID(1)) }
        #expect(throws: StoreError.invalid) { try store.release(.control) }
    }

    @Test("a guest hears of domains only if dom0 says so")
    func specialPermissions() throws {
        let guest = try fixture.guest(1)
        try fixture.watch("@releaseDomain", by: guest)
        store.announceShutdown()
        #expect(fixture.events(guest) == [])
        let open: [StorePermission] = [.init(0, "n"), .init(1, "r")]
        #expect(throws: StoreError.accessDenied) {
            try store.setPermissions("@releaseDomain", open, by: guest)
        }
        try store.setPermissions("@releaseDomain", open, by: fixture.dom0)
        #expect(try store.permissions("@releaseDomain", by: guest) == open)
        store.announceShutdown()
        #expect(fixture.events(guest) == ["@releaseDomain"])
    }

    @Test("a released domain's connections are closed and their watches gone")
    func release() throws {
        let guest = try fixture.guest(1)
        try fixture.watch("a", by: guest)
        try store.release(DomainID(1))
        #expect(!store.isOpen(guest))
        try fixture.write("/local/domain/1/a")
        #expect(fixture.events(guest) == [])
    }

    @Test("equal events that wait at the same time are one")
    func merging() throws {
        try fixture.watch("/a", by: fixture.dom0)
        for _ in 0..<100 {
            try fixture.write("/a/b")
            try fixture.write("/a/c")
        }
        #expect(fixture.events(fixture.dom0) == ["/a/b", "/a/c"])
        try fixture.write("/a/b")
        #expect(fixture.events(fixture.dom0) == ["/a/b"])
    }

    @Test("a connection that never takes its events is lost at a bound")
    func overrun() throws {
        let fixture = StoreFixture { $0.pendingEventsMax = 3 }
        let reader = fixture.store.open(as: .control)
        try fixture.store.watch("/", token: "", by: reader)
        for name in ["a", "b"] { try fixture.write("/" + name) }
        #expect(fixture.store.isOpen(reader))
        try fixture.write("/c")
        #expect(!fixture.store.isOpen(reader))
        #expect(fixture.events(reader) == [])
        #expect(throws: StoreError.lostEvents) { try fixture.read("/a", by: reader) }
    }

    @Test("resetting ends watches and drops waiting events")
    func reset() throws {
        try store.watch("/a", token: "t", by: fixture.dom0)
        store.reset(fixture.dom0)
        try fixture.write("/a")
        #expect(fixture.events(fixture.dom0) == [])
        try store.watch("/a", token: "t", by: fixture.dom0)
    }
}
