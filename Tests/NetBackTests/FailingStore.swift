// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform

/// Which reads of a store fail.
final class StoreFaults {
    /// Reads that still succeed; nil when all do.
    var readsLeft: Int?
    /// Operations of any kind that still succeed before the connection is lost; nil for all.
    var operationsUntilLoss: Int?
    /// The connection is lost: everything fails.
    var isLost = false
    /// Listing fails.
    var failsToList = false
    /// Called before each read: somebody else's chance to write in between.
    var beforeRead: ((String) -> Void)?
    /// States that were written, by path, oldest first.
    var writes: [(path: String, value: String)] = []
    var readCount = 0
}

/// The store of one process, of which reads may fail.
struct FailingStore: XenStore, ~Copyable {
    private var store: InProcessStore
    private let faults: StoreFaults

    init(_ store: consuming InProcessStore, _ faults: StoreFaults) {
        self.store = store
        self.faults = faults
    }

    var isConnected: Bool { store.isConnected && !faults.isLost }

    /// Throws when the connection is lost, or is lost now.
    private func checkConnection() throws(PlatformError) {
        if let left = faults.operationsUntilLoss {
            faults.operationsUntilLoss = left > 0 ? left - 1 : nil
            if left == 0 { faults.isLost = true }
        }
        if faults.isLost { throw PlatformError("xs", errno: 9) }
    }

    mutating func read(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> String? {
        try checkConnection()
        faults.readCount += 1
        faults.beforeRead?(path)
        if let left = faults.readsLeft {
            guard left > 0 else { throw PlatformError("XS_READ", errno: 5) }
            faults.readsLeft = left - 1
        }
        return try store.read(path, in: transaction)
    }

    mutating func write(
        _ path: String, _ value: String, in transaction: StoreTransaction
    ) throws(PlatformError) {
        try checkConnection()
        faults.writes.append((path, value))
        try store.write(path, value, in: transaction)
    }

    mutating func remove(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> Bool {
        try checkConnection()
        return try store.remove(path, in: transaction)
    }

    mutating func directory(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> [String]? {
        try checkConnection()
        if faults.failsToList { throw PlatformError("XS_DIRECTORY", errno: 5) }
        return try store.directory(path, in: transaction)
    }

    mutating func setPermissions(
        _ path: String, _ permissions: [StorePermission], in transaction: StoreTransaction
    ) throws(PlatformError) {
        try checkConnection()
        try store.setPermissions(path, permissions, in: transaction)
    }

    mutating func watch(_ path: String, token: String) throws(PlatformError) {
        try checkConnection()
        try store.watch(path, token: token)
    }

    mutating func unwatch(_ path: String, token: String) throws(PlatformError) {
        try checkConnection()
        try store.unwatch(path, token: token)
    }

    mutating func nextWatchEvent() throws(PlatformError) -> StoreWatchEvent? {
        try checkConnection()
        return try store.nextWatchEvent()
    }

    mutating func beginTransaction() throws(PlatformError) -> StoreTransaction {
        try checkConnection()
        return try store.beginTransaction()
    }

    mutating func endTransaction(
        _ transaction: StoreTransaction, commit: Bool
    ) throws(PlatformError) -> Bool {
        try checkConnection()
        return try store.endTransaction(transaction, commit: commit)
    }
}
