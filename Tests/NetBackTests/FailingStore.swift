// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform

/// Which reads of a store fail.
final class StoreFaults {
    /// Reads that still succeed; nil when all do.
    var readsLeft: Int?
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

    mutating func read(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> String? {
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
        faults.writes.append((path, value))
        try store.write(path, value, in: transaction)
    }

    mutating func remove(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> Bool {
        try store.remove(path, in: transaction)
    }

    mutating func directory(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> [String]? {
        try store.directory(path, in: transaction)
    }

    mutating func setPermissions(
        _ path: String, _ permissions: [StorePermission], in transaction: StoreTransaction
    ) throws(PlatformError) {
        try store.setPermissions(path, permissions, in: transaction)
    }

    mutating func watch(_ path: String, token: String) throws(PlatformError) {
        try store.watch(path, token: token)
    }

    mutating func unwatch(_ path: String, token: String) throws(PlatformError) {
        try store.unwatch(path, token: token)
    }

    mutating func nextWatchEvent() throws(PlatformError) -> StoreWatchEvent? {
        try store.nextWatchEvent()
    }

    mutating func beginTransaction() throws(PlatformError) -> StoreTransaction {
        try store.beginTransaction()
    }

    mutating func endTransaction(
        _ transaction: StoreTransaction, commit: Bool
    ) throws(PlatformError) -> Bool {
        try store.endTransaction(transaction, commit: commit)
    }
}
