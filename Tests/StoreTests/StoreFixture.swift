// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform

/// A store with a dom0 connection and guests that own their homes.
final class StoreFixture {
    let store: EmulatedStore
    let dom0: StoreConnectionID

    init(_ change: (inout StoreQuota) -> Void = { _ in }) {
        var quota = StoreQuota()
        change(&quota)
        store = EmulatedStore(quota: quota)
        dom0 = store.open(as: .control)
    }

    /// Introduces a guest, with a home that it owns, and connects it.
    func guest(_ number: UInt16) throws -> StoreConnectionID {
        let domain = DomainID(number)
        store.introduce(domain)
        let home = "/local/domain/\(number)"
        try store.makeDirectory(home, by: dom0)
        try store.setPermissions(home, [.init(number, "n")], by: dom0)
        return store.open(as: domain)
    }

    func write(
        _ path: String, _ value: String = "", in transaction: StoreTransaction = .none,
        by connection: StoreConnectionID? = nil
    ) throws(StoreError) {
        try store.write(path, Array(value.utf8), in: transaction, by: connection ?? dom0)
    }

    func read(
        _ path: String, in transaction: StoreTransaction = .none,
        by connection: StoreConnectionID? = nil
    ) throws(StoreError) -> String {
        let value = try store.read(path, in: transaction, by: connection ?? dom0)
        return String(decoding: value, as: UTF8.self)
    }

    func names(_ path: String) throws(StoreError) -> [String] {
        try store.directory(path, by: dom0).names
    }

    /// The paths of all waiting events; tokens are not looked at.
    func events(_ connection: StoreConnectionID) -> [String] {
        var paths: [String] = []
        while let event = store.nextWatchEvent(for: connection) { paths.append(event.path) }
        return paths
    }

    /// Watches and takes the first event away.
    func watch(_ path: String, by connection: StoreConnectionID) throws {
        try store.watch(path, token: path, by: connection)
        _ = events(connection)
    }
}

extension StorePermission {
    /// As the tools write it: a domain and one of n, r, w, b.
    init(_ domain: UInt16, _ letter: String) {
        self.init(
            domain: DomainID(domain), mayRead: letter == "r" || letter == "b",
            mayWrite: letter == "w" || letter == "b")
    }
}
