// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import Testing

@Suite("transactions of the emulated store")
struct StoreTransactionTests {
    let fixture = StoreFixture()

    private func begin() throws -> StoreTransaction {
        try fixture.store.beginTransaction(by: fixture.dom0)
    }

    private func commit(_ transaction: StoreTransaction) throws(StoreError) {
        try fixture.store.endTransaction(transaction, commit: true, by: fixture.dom0)
    }

    @Test("changes are seen inside at once and outside after the commit")
    func isolation() throws {
        try fixture.write("/a", "old")
        let transaction = try begin()
        try fixture.write("/a", "new", in: transaction)
        try fixture.write("/b/c", "made", in: transaction)
        #expect(try fixture.read("/a", in: transaction) == "new")
        #expect(try fixture.read("/a") == "old")
        #expect(throws: StoreError.notFound) { try fixture.read("/b") }
        try commit(transaction)
        #expect(try fixture.read("/a") == "new")
        #expect(try fixture.read("/b/c") == "made")
    }

    @Test("what others change meanwhile is not seen inside")
    func snapshot() throws {
        try fixture.write("/a", "old")
        let transaction = try begin()
        try fixture.write("/a", "new")
        try fixture.write("/b", "new")
        #expect(try fixture.read("/a", in: transaction) == "old")
        #expect(throws: StoreError.notFound) { try fixture.read("/b", in: transaction) }
    }

    @Test("an aborted transaction leaves nothing")
    func abort() throws {
        let transaction = try begin()
        try fixture.write("/a", in: transaction)
        try fixture.store.endTransaction(transaction, commit: false, by: fixture.dom0)
        #expect(throws: StoreError.notFound) { try fixture.read("/a") }
        #expect(throws: StoreError.notFound) { try commit(transaction) }
    }

    @Test("a changed node that was read makes the commit fail, and nothing is changed")
    func readConflict() throws {
        try fixture.write("/a", "1")
        let transaction = try begin()
        _ = try fixture.read("/a", in: transaction)
        try fixture.write("/b", "x", in: transaction)
        try fixture.write("/a", "2")
        #expect(throws: StoreError.again) { try commit(transaction) }
        #expect(throws: StoreError.notFound) { try fixture.read("/b") }
        #expect(throws: StoreError.notFound) { try commit(transaction) }
    }

    @Test("a write of the same value is a change too")
    func sameValue() throws {
        try fixture.write("/a", "1")
        let transaction = try begin()
        _ = try fixture.read("/a", in: transaction)
        try fixture.write("/a", "1")
        #expect(throws: StoreError.again) { try commit(transaction) }
    }

    @Test("a node that was found missing and is there now makes the commit fail")
    func appeared() throws {
        let transaction = try begin()
        #expect(throws: StoreError.notFound) { try fixture.read("/a", in: transaction) }
        try fixture.write("/b", in: transaction)
        try fixture.write("/a")
        #expect(throws: StoreError.again) { try commit(transaction) }
    }

    @Test("a removed and remade node makes the commit fail")
    func remade() throws {
        try fixture.write("/a", "1")
        let transaction = try begin()
        _ = try fixture.read("/a", in: transaction)
        try fixture.store.remove("/a", by: fixture.dom0)
        try fixture.write("/a", "1")
        #expect(throws: StoreError.again) { try commit(transaction) }
    }

    @Test("a listing that another made longer makes the commit fail")
    func listing() throws {
        try fixture.write("/d/a")
        let transaction = try begin()
        _ = try fixture.store.directory("/d", in: transaction, by: fixture.dom0)
        try fixture.write("/d/b")
        #expect(throws: StoreError.again) { try commit(transaction) }
    }

    @Test("changed permissions make the commit fail")
    func permissions() throws {
        try fixture.write("/a")
        let transaction = try begin()
        try fixture.write("/a", "x", in: transaction)
        try fixture.store.setPermissions("/a", [.init(0, "r")], by: fixture.dom0)
        #expect(throws: StoreError.again) { try commit(transaction) }
    }

    @Test("changes elsewhere do not disturb")
    func noConflict() throws {
        try fixture.write("/a/x", "1")
        try fixture.write("/b/x", "1")
        let transaction = try begin()
        try fixture.write("/a/x", "2", in: transaction)
        try fixture.write("/b/x", "2")
        try fixture.write("/b/y", "2")
        try commit(transaction)
        #expect(try fixture.read("/a/x") == "2")
        #expect(try fixture.read("/b/x") == "2")
        #expect(try fixture.read("/b/y") == "2")
    }

    @Test("of two transactions on one node the second to commit fails")
    func race() throws {
        try fixture.write("/n", "0")
        let first = try begin()
        let second = try begin()
        try fixture.write("/n", "1", in: first)
        try fixture.write("/n", "2", in: second)
        try commit(second)
        #expect(throws: StoreError.again) { try commit(first) }
        #expect(try fixture.read("/n") == "2")
    }

    @Test("a removal in a transaction takes everything below along")
    func removal() throws {
        try fixture.write("/a/b/c", "old")
        let transaction = try begin()
        try fixture.store.remove("/a", in: transaction, by: fixture.dom0)
        try fixture.write("/a/b", "new", in: transaction)
        try commit(transaction)
        #expect(try fixture.read("/a/b") == "new")
        #expect(try fixture.names("/a/b") == [])
    }

    @Test("a removal fails if something below was changed meanwhile")
    func removalConflict() throws {
        try fixture.write("/a/b/c", "old")
        let transaction = try begin()
        try fixture.store.remove("/a", in: transaction, by: fixture.dom0)
        try fixture.write("/a/b/c", "new")
        #expect(throws: StoreError.again) { try commit(transaction) }
        #expect(try fixture.read("/a/b/c") == "new")
    }

    @Test("a node made and removed again leaves nothing")
    func madeAndRemoved() throws {
        let transaction = try begin()
        try fixture.write("/a/b", in: transaction)
        try fixture.store.remove("/a", in: transaction, by: fixture.dom0)
        try commit(transaction)
        #expect(try fixture.names("/") == [])
    }

    @Test("permissions set in a transaction hold after it")
    func permissionsInside() throws {
        let transaction = try begin()
        try fixture.write("/a", "x", in: transaction)
        try fixture.store.setPermissions(
            "/a", [.init(4, "r")], in: transaction, by: fixture.dom0)
        try commit(transaction)
        #expect(try fixture.store.permissions("/a", by: fixture.dom0) == [.init(4, "r")])
        #expect(try fixture.read("/a") == "x")
    }

    @Test("a transaction is of use to its own connection only")
    func foreign() throws {
        let guest = try fixture.guest(1)
        let transaction = try begin()
        #expect(throws: StoreError.notFound) {
            try fixture.write("a", in: transaction, by: guest)
        }
        #expect(throws: StoreError.notFound) {
            try fixture.store.endTransaction(transaction, commit: true, by: guest)
        }
        try commit(transaction)
    }

    @Test("closing and resetting a connection ends its transactions")
    func ending() throws {
        let guest = try fixture.guest(1)
        let transaction = try fixture.store.beginTransaction(by: guest)
        fixture.store.reset(guest)
        #expect(throws: StoreError.notFound) {
            try fixture.store.endTransaction(transaction, commit: true, by: guest)
        }
    }
}
