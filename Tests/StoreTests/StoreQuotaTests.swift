// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import Testing

@Suite("quotas of the emulated store")
struct StoreQuotaTests {
    @Test("the defaults are xenstored's")
    func defaults() {
        let quota = StoreQuota()
        #expect(quota.nodesPerDomainMax == 1000)
        #expect(quota.watchesPerDomainMax == 128)
        #expect(quota.transactionsPerDomainMax == 10)
        #expect(quota.valueSizeMax == 2048)
        #expect(quota.permissionsPerNodeMax == 5)
    }

    @Test("a guest owns no more nodes than allowed, and gets them back by removing")
    func nodes() throws {
        let fixture = StoreFixture { $0.nodesPerDomainMax = 4 }
        let guest = try fixture.guest(1)  // its home is the first node
        try fixture.write("a/b", by: guest)
        #expect(throws: StoreError.noSpace) { try fixture.write("c/d", by: guest) }
        try fixture.write("c", by: guest)
        #expect(throws: StoreError.noSpace) { try fixture.write("d", by: guest) }
        try fixture.write("c", "still writable", by: guest)
        try fixture.store.remove("a", by: guest)
        try fixture.write("d/e", by: guest)
        try fixture.write("/local/domain/1/by-dom0")
    }

    @Test("a node counts for its new owner when dom0 gives it away")
    func givenAway() throws {
        let fixture = StoreFixture { $0.nodesPerDomainMax = 2 }
        let guest = try fixture.guest(1)
        try fixture.write("a", by: guest)
        #expect(throws: StoreError.noSpace) { try fixture.write("b", by: guest) }
        try fixture.store.setPermissions(
            "/local/domain/1/a", [.init(0, "n")], by: fixture.dom0)
        try fixture.write("b", by: guest)
    }

    @Test("transactions do not exceed the nodes together, though each alone would not")
    func nodesThroughTransactions() throws {
        let fixture = StoreFixture { $0.nodesPerDomainMax = 6 }
        let guest = try fixture.guest(1)
        for name in ["a", "b"] { try fixture.write(name, by: guest) }
        let first = try fixture.store.beginTransaction(by: guest)
        let second = try fixture.store.beginTransaction(by: guest)
        for name in ["1", "2"] {
            try fixture.write("a/" + name, in: first, by: guest)
            try fixture.write("b/" + name, in: second, by: guest)
        }
        try fixture.store.endTransaction(first, commit: true, by: guest)
        #expect(throws: StoreError.noSpace) {
            try fixture.store.endTransaction(second, commit: true, by: guest)
        }
        #expect(try fixture.names("/local/domain/1/b") == [])
    }

    @Test("a transaction that removes as much as it makes fits into a full quota")
    func exchange() throws {
        let fixture = StoreFixture { $0.nodesPerDomainMax = 3 }
        let guest = try fixture.guest(1)
        for name in ["a", "b"] { try fixture.write(name, by: guest) }
        let transaction = try fixture.store.beginTransaction(by: guest)
        try fixture.store.remove("a", in: transaction, by: guest)
        try fixture.write("c", in: transaction, by: guest)
        try fixture.store.endTransaction(transaction, commit: true, by: guest)
        #expect(try fixture.names("/local/domain/1") == ["b", "c"])
    }

    @Test("watches are counted over all connections of a guest")
    func watches() throws {
        let fixture = StoreFixture { $0.watchesPerDomainMax = 2 }
        let guest = try fixture.guest(1)
        let other = fixture.store.open(as: DomainID(1))
        try fixture.store.watch("a", token: "", by: guest)
        try fixture.store.watch("a", token: "", by: other)
        #expect(throws: StoreError.tooBig) {
            try fixture.store.watch("b", token: "", by: guest)
        }
        fixture.store.close(other)
        try fixture.store.watch("b", token: "", by: guest)
        for token in ["1", "2", "3"] {
            try fixture.store.watch("b", token: token, by: fixture.dom0)
        }
    }

    @Test("transactions are counted, and ending one makes room")
    func transactions() throws {
        let fixture = StoreFixture { $0.transactionsPerDomainMax = 1 }
        let guest = try fixture.guest(1)
        let transaction = try fixture.store.beginTransaction(by: guest)
        #expect(throws: StoreError.noSpace) { try fixture.store.beginTransaction(by: guest) }
        try fixture.store.endTransaction(transaction, commit: false, by: guest)
        _ = try fixture.store.beginTransaction(by: guest)
        for _ in 0..<3 { _ = try fixture.store.beginTransaction(by: fixture.dom0) }
    }

    @Test("a transaction of a guest depends on so many nodes and no more")
    func transactionNodes() throws {
        let fixture = StoreFixture { $0.nodesPerTransactionMax = 2 }
        let guest = try fixture.guest(1)
        for name in ["a", "b", "c"] { try fixture.write(name, by: guest) }
        let transaction = try fixture.store.beginTransaction(by: guest)
        _ = try fixture.read("a", in: transaction, by: guest)
        _ = try fixture.read("b", in: transaction, by: guest)
        _ = try fixture.read("a", in: transaction, by: guest)
        #expect(throws: StoreError.noSpace) {
            try fixture.read("c", in: transaction, by: guest)
        }
    }

    @Test("a guest's value is limited in size, dom0's is not")
    func valueSize() throws {
        let fixture = StoreFixture()
        let guest = try fixture.guest(1)
        try fixture.store.write("a", [UInt8](repeating: 1, count: 2048), by: guest)
        #expect(throws: StoreError.noSpace) {
            try fixture.store.write("a", [UInt8](repeating: 1, count: 2049), by: guest)
        }
        try fixture.store.write("/a", [UInt8](repeating: 1, count: 4000), by: fixture.dom0)
    }

    @Test("a guest's nodes have at most five permission entries")
    func permissionEntries() throws {
        let fixture = StoreFixture()
        let guest = try fixture.guest(1)
        let entries = (1...6).map { StorePermission(UInt16($0), "r") }
        try fixture.write("a", by: guest)
        try fixture.store.setPermissions("a", Array(entries.prefix(5)), by: guest)
        #expect(throws: StoreError.noSpace) {
            try fixture.store.setPermissions("a", entries, by: guest)
        }
        try fixture.store.setPermissions("/local/domain/1/a", entries, by: fixture.dom0)
    }
}
