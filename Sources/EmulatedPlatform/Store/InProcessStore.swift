// SPDX-License-Identifier: Apache-2.0
public import Platform

/// A connection to an emulated store of the same process and thread: the same rules as through a
/// socket, and no other order of events than that of the calls.
public struct InProcessStore: XenStore, ~Copyable {
    private let store: EmulatedStore
    /// How the store knows this connection.
    public let connection: StoreConnectionID

    /// Connects for a domain.
    public init(_ store: EmulatedStore, as domain: DomainID) {
        self.store = store
        connection = store.open(as: domain)
    }

    deinit { store.close(connection) }

    /// See `XenStore`: false when the store closed it, or watch events were lost.
    public var isConnected: Bool { store.isOpen(connection) }

    /// See `XenStore`.
    public mutating func read(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> String? {
        do {
            return String(
                decoding: try store.read(path, in: transaction, by: connection), as: UTF8.self)
        } catch .notFound { return nil } catch { throw failure("XS_READ", error) }
    }

    /// See `XenStore`.
    public mutating func write(
        _ path: String, _ value: String, in transaction: StoreTransaction
    ) throws(PlatformError) {
        do { try store.write(path, Array(value.utf8), in: transaction, by: connection) } catch {
            throw failure("XS_WRITE", error)
        }
    }

    /// See `XenStore`. As through a socket, true also for a missing node whose parent is there.
    @discardableResult
    public mutating func remove(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> Bool {
        do {
            try store.remove(path, in: transaction, by: connection)
            return true
        } catch .notFound { return false } catch { throw failure("XS_RM", error) }
    }

    /// See `XenStore`.
    public mutating func directory(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> [String]? {
        do {
            return try store.directory(path, in: transaction, by: connection).names
        } catch .notFound { return nil } catch { throw failure("XS_DIRECTORY", error) }
    }

    /// A node's permissions, nil if there is no such node.
    public mutating func permissions(
        _ path: String, in transaction: StoreTransaction = .none
    ) throws(PlatformError) -> [StorePermission]? {
        do { return try store.permissions(path, in: transaction, by: connection) } catch .notFound {
            return nil
        } catch { throw failure("XS_GET_PERMS", error) }
    }

    /// See `XenStore`.
    public mutating func setPermissions(
        _ path: String, _ permissions: [StorePermission], in transaction: StoreTransaction
    ) throws(PlatformError) {
        do {
            try store.setPermissions(path, permissions, in: transaction, by: connection)
        } catch { throw failure("XS_SET_PERMS", error) }
    }

    /// See `XenStore`.
    public mutating func watch(_ path: String, token: String) throws(PlatformError) {
        do { try store.watch(path, token: token, by: connection) } catch {
            throw failure("XS_WATCH", error)
        }
    }

    /// See `XenStore`.
    public mutating func unwatch(_ path: String, token: String) throws(PlatformError) {
        do { try store.unwatch(path, token: token, by: connection) } catch {
            throw failure("XS_UNWATCH", error)
        }
    }

    /// See `XenStore`.
    public mutating func nextWatchEvent() throws(PlatformError) -> StoreWatchEvent? {
        if let event = store.nextWatchEvent(for: connection) { return event }
        guard store.isOpen(connection) else { throw failure("XS_WATCH_EVENT", .lostEvents) }
        return nil
    }

    /// See `XenStore`.
    public mutating func beginTransaction() throws(PlatformError) -> StoreTransaction {
        do { return try store.beginTransaction(by: connection) } catch {
            throw failure("XS_TRANSACTION_START", error)
        }
    }

    /// See `XenStore`.
    public mutating func endTransaction(
        _ transaction: StoreTransaction, commit: Bool
    ) throws(PlatformError) -> Bool {
        do {
            try store.endTransaction(transaction, commit: commit, by: connection)
            return true
        } catch .again { return false } catch { throw failure("XS_TRANSACTION_END", error) }
    }

    private func failure(_ operation: StaticString, _ error: StoreError) -> PlatformError {
        PlatformError(operation, errno: error.errno)
    }
}
