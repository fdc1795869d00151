// SPDX-License-Identifier: Apache-2.0

/// A transaction of the store; `none` acts at once.
public struct StoreTransaction: Equatable, Sendable {
    /// The number on the wire.
    public var rawValue: UInt32
    /// Wraps a number.
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    /// Outside of any transaction. Corresponds to `XBT_NULL`.
    public static let none = StoreTransaction(0)
}

/// A node below (or at) a watched path changed.
public struct StoreWatchEvent: Equatable, Sendable {
    /// The path that changed, in the form (absolute or relative) in which it was watched.
    public var path: String
    /// The token given to `watch`.
    public var token: String
    /// Takes the parts as they are.
    public init(path: String, token: String) {
        self.path = path
        self.token = token
    }
}

/// Who may do what to a node. Corresponds to `struct xs_permissions`.
public struct StorePermission: Equatable, Sendable {
    /// Whom it is for.
    public var domain: DomainID
    /// May read the node and list its children.
    public var mayRead: Bool
    /// May write the node and make children.
    public var mayWrite: Bool
    /// Takes the parts as they are.
    public init(domain: DomainID, mayRead: Bool, mayWrite: Bool) {
        self.domain = domain
        self.mayRead = mayRead
        self.mayWrite = mayWrite
    }
}

/// What a backend asks of xenstore. Control plane only; one value serves one thread.
///
/// Errors are the store's errno: EACCES, EAGAIN (a transaction lost a race), E2BIG, ENOSPC,
/// EINVAL; a missing node is nil, never an error.
public protocol XenStore: ~Copyable {
    /// False once the connection is lost: every further request fails at once, and only a new
    /// connection helps. A loss shows when a request or `nextWatchEvent` fails, not before.
    var isConnected: Bool { get }

    /// A node's value, nil if there is no such node (or the transaction's view has none).
    /// Bytes that are not UTF-8 come as replacement characters: no number, no path.
    mutating func read(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> String?

    /// Writes a node, making its parents.
    mutating func write(
        _ path: String, _ value: String, in transaction: StoreTransaction
    ) throws(PlatformError)

    /// Removes a node with all below it; false if there was none.
    @discardableResult
    mutating func remove(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> Bool

    /// The names of a node's children, nil if there is no such node.
    mutating func directory(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> [String]?

    /// Sets a node's permissions; the first entry is its owner and everyone else's default.
    mutating func setPermissions(
        _ path: String, _ permissions: [StorePermission], in transaction: StoreTransaction
    ) throws(PlatformError)

    /// Watches a path and all below it; one event comes at once.
    mutating func watch(_ path: String, token: String) throws(PlatformError)

    /// Ends a watch.
    mutating func unwatch(_ path: String, token: String) throws(PlatformError)

    /// The next watch event, nil when none is waiting. Never blocks, and fails only when the
    /// connection is lost.
    mutating func nextWatchEvent() throws(PlatformError) -> StoreWatchEvent?

    /// Starts a transaction.
    mutating func beginTransaction() throws(PlatformError) -> StoreTransaction

    /// Ends a transaction; false when a commit lost a race (EAGAIN) and must be tried again.
    mutating func endTransaction(
        _ transaction: StoreTransaction, commit: Bool
    ) throws(PlatformError) -> Bool
}

extension XenStore where Self: ~Copyable {
    /// Reads outside of any transaction.
    public mutating func read(_ path: String) throws(PlatformError) -> String? {
        try read(path, in: .none)
    }
    /// Writes outside of any transaction.
    public mutating func write(_ path: String, _ value: String) throws(PlatformError) {
        try write(path, value, in: .none)
    }
    /// Removes outside of any transaction.
    @discardableResult
    public mutating func remove(_ path: String) throws(PlatformError) -> Bool {
        try remove(path, in: .none)
    }
    /// Lists outside of any transaction.
    public mutating func directory(_ path: String) throws(PlatformError) -> [String]? {
        try directory(path, in: .none)
    }
}
