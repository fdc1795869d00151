// SPDX-License-Identifier: Apache-2.0
public import Platform

/// Requests about nodes. Each throws `StoreError`: EINVAL for a malformed path, ENOENT for a
/// missing node or transaction, EACCES where the rights are missing, ENOSPC beyond a quota.
extension EmulatedStore {
    /// A node's value.
    public func read(
        _ path: String, in transaction: StoreTransaction = .none, by connection: StoreConnectionID
    ) throws(StoreError) -> [UInt8] {
        try perform(path, transaction, connection) {
            (view, path, access) throws(StoreError) in try view.read(path, as: access)
        }
    }

    /// Writes a node, making its parents.
    public func write(
        _ path: String, _ value: [UInt8], in transaction: StoreTransaction = .none,
        by connection: StoreConnectionID
    ) throws(StoreError) {
        try perform(path, transaction, connection) {
            (view, path, access) throws(StoreError) in try view.write(path, value, as: access)
        }
    }

    /// Makes a node, and its parents, unless it is there.
    public func makeDirectory(
        _ path: String, in transaction: StoreTransaction = .none, by connection: StoreConnectionID
    ) throws(StoreError) {
        try perform(path, transaction, connection) {
            (view, path, access) throws(StoreError) in try view.makeDirectory(path, as: access)
        }
    }

    /// Removes a node with all below it. A missing node is fine, a missing parent is not.
    public func remove(
        _ path: String, in transaction: StoreTransaction = .none, by connection: StoreConnectionID
    ) throws(StoreError) {
        try perform(path, transaction, connection) {
            (view, path, access) throws(StoreError) in try view.remove(path, as: access)
        }
    }

    /// The names of a node's children in order, and a number that differs when they do.
    public func directory(
        _ path: String, in transaction: StoreTransaction = .none, by connection: StoreConnectionID
    ) throws(StoreError) -> (names: [String], generation: UInt64) {
        try perform(path, transaction, connection) {
            (view, path, access) throws(StoreError) in try view.directory(path, as: access)
        }
    }

    /// Who may do what to a node, or who hears of a special event.
    public func permissions(
        _ path: String, in transaction: StoreTransaction = .none, by connection: StoreConnectionID
    ) throws(StoreError) -> [StorePermission] {
        if path.utf8.first == UInt8(ascii: "@") {
            let access = access(of: try domain(of: connection))
            guard let permissions = specialPermissions[path] else { throw .invalid }
            guard access.mayRead(permissions) else { throw .accessDenied }
            return permissions
        }
        return try perform(path, transaction, connection) {
            (view, path, access) throws(StoreError) in try view.permissions(path, as: access)
        }
    }

    /// Sets who may do what to a node, or who hears of a special event; the first entry is the
    /// owner and everyone else's default.
    public func setPermissions(
        _ path: String, _ permissions: [StorePermission], in transaction: StoreTransaction = .none,
        by connection: StoreConnectionID
    ) throws(StoreError) {
        if path.utf8.first == UInt8(ascii: "@") {
            let access = access(of: try domain(of: connection))
            guard let former = specialPermissions[path] else { throw .invalid }
            guard access.owns(former) else { throw .accessDenied }
            try StoreView.check(permissions, replacing: former, as: access, quota)
            specialPermissions[path] = permissions
            return
        }
        try perform(path, transaction, connection) {
            (view, path, access) throws(StoreError) in
            try view.setPermissions(path, permissions, as: access)
        }
    }

    private func perform<Result>(
        _ text: String, _ transaction: StoreTransaction, _ connection: StoreConnectionID,
        _ request: (inout StoreView, StorePath, StoreAccess) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let access = access(of: try domain(of: connection))
        guard transaction == .none else {
            // The path is checked last, as in xenstored: without its transaction a request
            // means nothing.
            guard let index = transactions.index(forKey: transaction.rawValue),
                transactions.values[index].owner == connection
            else { throw .notFound }
            let path = try StorePath(text, for: access.domain)
            return try request(&transactions.values[index].view, path, access)
        }
        let path = try StorePath(text, for: access.domain)
        let result = try request(&live, path, access)
        fireChanges()
        return result
    }
}
