// SPDX-License-Identifier: Apache-2.0
public import Platform
public import StoreClient

/// Reads permissions back through libxenstore, which is not what set them.
public final class PermissionReader {
    private var store: LibXenStore

    /// Takes a connection over.
    public init(_ store: consuming LibXenStore) { self.store = store }

    /// A node's permissions, nil if there is no such node.
    public func permissions(_ path: String) throws -> [StorePermission]? {
        try store.permissions(path)
    }
}
