// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import Testing

@Suite("rights in the emulated store")
struct StorePermissionsTests {
    let fixture = StoreFixture()

    private func permissions(_ path: String) throws(StoreError) -> [StorePermission] {
        try fixture.store.permissions(path, by: fixture.dom0)
    }

    private func set(
        _ path: String, _ permissions: [StorePermission], by connection: StoreConnectionID? = nil
    ) throws(StoreError) {
        try fixture.store.setPermissions(path, permissions, by: connection ?? fixture.dom0)
    }

    @Test("a guest can do nothing outside of what it was given")
    func closedByDefault() throws {
        let guest = try fixture.guest(1)
        try fixture.write("/secret", "x")
        #expect(throws: StoreError.accessDenied) { try fixture.read("/secret", by: guest) }
        #expect(throws: StoreError.accessDenied) { try fixture.write("/secret", by: guest) }
        #expect(throws: StoreError.accessDenied) { try fixture.write("/new", by: guest) }
        #expect(throws: StoreError.accessDenied) {
            try fixture.store.remove("/secret", by: guest)
        }
        #expect(throws: StoreError.accessDenied) {
            try fixture.store.directory("/", by: guest)
        }
        #expect(throws: StoreError.accessDenied) {
            try fixture.store.permissions("/secret", by: guest)
        }
    }

    @Test("whether a node is missing is not told to those who may not look")
    func missingIsSecret() throws {
        let guest = try fixture.guest(1)
        #expect(throws: StoreError.accessDenied) { try fixture.read("/none", by: guest) }
        #expect(throws: StoreError.notFound) { try fixture.read("none", by: guest) }
    }

    @Test("the first entry is everyone's default")
    func defaultEntry() throws {
        let guest = try fixture.guest(1)
        try fixture.write("/a", "x")
        try set("/a", [.init(0, "r")])
        #expect(try fixture.read("/a", by: guest) == "x")
        #expect(throws: StoreError.accessDenied) { try fixture.write("/a", by: guest) }
        try set("/a", [.init(0, "w")])
        try fixture.write("/a", "y", by: guest)
        #expect(throws: StoreError.accessDenied) { try fixture.read("/a", by: guest) }
    }

    @Test("an own entry comes before the default", arguments: ["n", "r", "w", "b"])
    func ownEntry(letter: String) throws {
        let guest = try fixture.guest(1)
        try fixture.write("/a", "x")
        try set("/a", [.init(0, letter == "n" ? "b" : "n"), .init(2, "b"), .init(1, letter)])
        let mayRead = (try? fixture.read("/a", by: guest)) != nil
        let mayWrite = (try? fixture.write("/a", by: guest)) != nil
        #expect(mayRead == (letter == "r" || letter == "b"))
        #expect(mayWrite == (letter == "w" || letter == "b"))
    }

    @Test("the owner may do everything, whatever the entry says")
    func owner() throws {
        let guest = try fixture.guest(1)
        try fixture.write("/a")
        try set("/a", [.init(1, "n")])
        try fixture.write("/a", "x", by: guest)
        #expect(try fixture.read("/a", by: guest) == "x")
        try set("/a", [.init(1, "r")], by: guest)
    }

    @Test("a node made by dom0 has its parent's permissions")
    func inheritance() throws {
        try fixture.write("/a")
        try set("/a", [.init(5, "r"), .init(6, "b")])
        try fixture.write("/a/b/c")
        #expect(try permissions("/a/b") == [.init(5, "r"), .init(6, "b")])
        #expect(try permissions("/a/b/c") == [.init(5, "r"), .init(6, "b")])
    }

    @Test("a node made by a guest has its parent's permissions but the guest as its owner")
    func inheritanceOfGuests() throws {
        let guest = try fixture.guest(1)
        try fixture.write("/a")
        try set("/a", [.init(0, "b"), .init(6, "r")])
        try fixture.write("/a/b/c", by: guest)
        #expect(try permissions("/a/b") == [.init(1, "b"), .init(6, "r")])
        #expect(try permissions("/a/b/c") == [.init(1, "b"), .init(6, "r")])
    }

    @Test("a guest sets permissions of its own nodes only")
    func onlyTheOwnerSets() throws {
        let guest = try fixture.guest(1)
        try fixture.write("/a")
        try set("/a", [.init(0, "b")])
        #expect(throws: StoreError.accessDenied) { try set("/a", [.init(1, "b")], by: guest) }
    }

    @Test("a guest cannot give a node away")
    func changingTheOwner() throws {
        let guest = try fixture.guest(1)
        try fixture.write("x", by: guest)
        #expect(throws: StoreError.notPermitted) { try set("x", [.init(2, "b")], by: guest) }
        try set("/local/domain/1/x", [.init(2, "b")])
        #expect(try permissions("/local/domain/1/x") == [.init(2, "b")])
    }

    @Test("a node without any permission entry cannot be made")
    func emptyPermissions() throws {
        try fixture.write("/a")
        #expect(throws: StoreError.invalid) { try set("/a", []) }
    }

    @Test("a missing node has no permissions to set")
    func missingNode() {
        #expect(throws: StoreError.notFound) { try set("/a", [.init(0, "r")]) }
    }

    @Test("a device model has the rights of the domain it serves, until either goes away")
    func target() throws {
        let model = try fixture.guest(1)
        _ = try fixture.guest(2)
        #expect(throws: StoreError.accessDenied) {
            try fixture.write("/local/domain/2/x", by: model)
        }
        try fixture.store.setTarget(of: DomainID(1), to: DomainID(2))
        try fixture.write("/local/domain/2/x", by: model)
        try fixture.store.release(DomainID(2))
        #expect(throws: StoreError.accessDenied) {
            try fixture.write("/local/domain/2/y", by: model)
        }
    }

    @Test("a node may be removed by whoever may write it")
    func removing() throws {
        let guest = try fixture.guest(1)
        try fixture.write("/a/b")
        try set("/a/b", [.init(0, "w")])
        try fixture.store.remove("/a/b", by: guest)
        #expect(try fixture.names("/a") == [])
    }
}
