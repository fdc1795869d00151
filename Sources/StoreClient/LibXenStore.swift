// SPDX-License-Identifier: Apache-2.0
internal import CXen
import Glibc
public import Platform
import Synchronization

/// xenstore through libxenstore: Xen's own daemon and an emulated one alike. Its calls block
/// until the daemon has answered, except for `nextWatchEvent`.
///
/// libxenstore starts a thread at the first `watch` that reads the connection from then on.
@safe
public struct LibXenStore: XenStore, ~Copyable {
    /// Where libxenstore looks for the daemon's socket is a variable of the whole process.
    private static let environment = Mutex<Void>(())

    // SAFETY: valid from xs_open to xs_close in deinit; libxenstore locks it against its thread.
    private let handle: OpaquePointer
    /// Readable when `nextWatchEvent` may have something; it belongs to libxenstore. That the
    /// connection is lost does not show here: look at `nextWatchEvent` now and then.
    public let descriptor: Int32
    /// See `XenStore`.
    public private(set) var isConnected = true

    /// Connects to the daemon on a socket. With nil, to the one that the environment names or
    /// to the one that serves this domain (/dev/xen/xenbus).
    public init(socketPath: String?) throws(PlatformError) {
        var error: Int32 = 0
        let opened = unsafe LibXenStore.environment.withLock { _ -> OpaquePointer? in
            if let socketPath, unsafe setenv("XENSTORED_PATH", socketPath, 1) != 0 {
                error = errno
                return nil
            }
            let opened = unsafe xs_open(0)
            error = errno
            return unsafe opened
        }
        guard let opened = unsafe opened else { throw PlatformError("xs_open", errno: error) }
        let descriptor = unsafe xs_fileno(opened)
        guard descriptor >= 0 else {
            error = errno
            unsafe xs_close(opened)
            throw PlatformError("xs_fileno", errno: error)
        }
        unsafe handle = opened
        self.descriptor = descriptor
    }

    deinit { unsafe xs_close(handle) }

    /// See `XenStore`.
    public mutating func read(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> String? {
        var count: UInt32 = 0
        guard let value = unsafe xs_read(handle, transaction.rawValue, path, &count) else {
            return try absent("xs_read")
        }
        defer { unsafe free(value) }
        // SAFETY: libxenstore allocated `count` bytes, which are freed after the copy.
        return unsafe String(
            decoding: UnsafeRawBufferPointer(start: value, count: Int(count)), as: UTF8.self)
    }

    /// See `XenStore`.
    public mutating func write(
        _ path: String, _ value: String, in transaction: StoreTransaction
    ) throws(PlatformError) {
        var value = value
        let written = value.withUTF8 { bytes in
            // SAFETY: libxenstore sends the bytes before it returns.
            unsafe xs_write(
                handle, transaction.rawValue, path, bytes.baseAddress, UInt32(bytes.count))
        }
        guard written else { throw failure("xs_write") }
    }

    /// See `XenStore`. xenstored is content with a missing node whose parent is there, so true
    /// does not say that there was one.
    @discardableResult
    public mutating func remove(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> Bool {
        guard unsafe xs_rm(handle, transaction.rawValue, path) else {
            guard errno == ENOENT else { throw failure("xs_rm") }
            return false
        }
        return true
    }

    /// See `XenStore`.
    public mutating func directory(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> [String]? {
        var count: UInt32 = 0
        guard let names = unsafe xs_directory(handle, transaction.rawValue, path, &count) else {
            return try absent("xs_directory")
        }
        defer { unsafe free(names) }
        // SAFETY: `count` C strings in the one allocation that is freed after the copies.
        return (0..<Int(count)).compactMap { index in
            unsafe names[index].map { unsafe String(cString: $0) }
        }
    }

    /// A node's permissions, nil if there is no such node.
    public mutating func permissions(
        _ path: String, in transaction: StoreTransaction = .none
    ) throws(PlatformError) -> [StorePermission]? {
        var count: UInt32 = 0
        guard
            let entries = unsafe xs_get_permissions(handle, transaction.rawValue, path, &count)
        else { return try absent("xs_get_permissions") }
        defer { unsafe free(entries) }
        // SAFETY: `count` entries, which are freed after the copies.
        return (0..<Int(count)).map { index in
            let entry = unsafe entries[index]
            return StorePermission(
                domain: DomainID(UInt16(truncatingIfNeeded: entry.id)),
                mayRead: entry.perms & UInt32(XS_PERM_READ) != 0,
                mayWrite: entry.perms & UInt32(XS_PERM_WRITE) != 0)
        }
    }

    /// See `XenStore`.
    public mutating func setPermissions(
        _ path: String, _ permissions: [StorePermission], in transaction: StoreTransaction
    ) throws(PlatformError) {
        var entries = permissions.map { permission in
            xs_permissions(
                id: UInt32(permission.domain.rawValue),
                perms: UInt32(
                    (permission.mayRead ? XS_PERM_READ : 0)
                        | (permission.mayWrite ? XS_PERM_WRITE : 0)))
        }
        // SAFETY: libxenstore reads the entries during the call.
        guard
            unsafe xs_set_permissions(
                handle, transaction.rawValue, path, &entries, UInt32(permissions.count))
        else { throw failure("xs_set_permissions") }
    }

    /// See `XenStore`.
    public mutating func watch(_ path: String, token: String) throws(PlatformError) {
        guard unsafe xs_watch(handle, path, token) else {
            throw failure("xs_watch")
        }
    }

    /// See `XenStore`.
    public mutating func unwatch(_ path: String, token: String) throws(PlatformError) {
        guard unsafe xs_unwatch(handle, path, token) else {
            throw failure("xs_unwatch")
        }
    }

    /// See `XenStore`. To be called until it returns nil once `descriptor` is readable.
    public mutating func nextWatchEvent() throws(PlatformError) -> StoreWatchEvent? {
        guard let event = unsafe xs_check_watch(handle) else {
            guard errno == EAGAIN else {
                isConnected = false
                throw failure("xs_check_watch")
            }
            return nil
        }
        defer { unsafe free(event) }
        // SAFETY: two C strings in the one allocation that is freed after the copies.
        let path = unsafe event[Int(XS_WATCH_PATH.rawValue)].map { unsafe String(cString: $0) }
        let token = unsafe event[Int(XS_WATCH_TOKEN.rawValue)].map { unsafe String(cString: $0) }
        return StoreWatchEvent(path: path ?? "", token: token ?? "")
    }

    /// See `XenStore`.
    public mutating func beginTransaction() throws(PlatformError) -> StoreTransaction {
        let transaction = unsafe xs_transaction_start(handle)
        guard transaction != 0 else { throw failure("xs_transaction_start") }
        return StoreTransaction(transaction)
    }

    /// See `XenStore`.
    public mutating func endTransaction(
        _ transaction: StoreTransaction, commit: Bool
    ) throws(PlatformError) -> Bool {
        guard unsafe xs_transaction_end(handle, transaction.rawValue, !commit) else {
            guard errno == EAGAIN else {
                throw failure("xs_transaction_end")
            }
            return false
        }
        return true
    }

    /// Nil for a missing node, which is no failure.
    private mutating func absent<Value>(
        _ operation: StaticString
    ) throws(PlatformError) -> Value? {
        guard errno == ENOENT else { throw failure(operation) }
        return nil
    }

    /// The error of the call that failed last. Those of a socket, and of no descriptor at all,
    /// say that the daemon is gone: libxenstore gives the connection up at the first.
    private mutating func failure(_ operation: StaticString) -> PlatformError {
        let error = errno
        if [EBADF, EPIPE, ECONNRESET, ENOTCONN].contains(error) { isConnected = false }
        return PlatformError(operation, errno: error)
    }
}
