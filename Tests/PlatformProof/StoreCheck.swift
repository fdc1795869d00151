// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What a domain's connection to the store promises, on whatever machine: each case is one
/// sentence that holds. All nodes are below the domain's own data/proof.
public enum StoreCheck: String, CaseIterable, Sendable {
    case values = "a value is read as it was written: empty, of many lines, and long"
    case missing = "a missing node is nil, and no error"
    case remove = "a node is removed with all below it"
    case directory = "a directory lists its children"
    case fullDirectory = "a directory as large as a domain may make it is listed whole"
    case watch = "a watch shows itself, every change below it, and nothing once it has ended"
    case abort = "what an aborted transaction wrote is not there"
    case commit = "what a transaction wrote shows to itself at once, to others when it commits"
    case conflict = "a transaction that lost a race does not commit"
    case permissions = "permissions are what was set"
    case otherHome = "another domain's home is not written"

    private static let home = "data/proof"

    /// Tries it on the store of domain `own`; `permissions` reads a node's, by whatever means.
    ///
    /// - Throws: a `ProofFailure` or the store's own error.
    public func run<S: XenStore & ~Copyable>(
        _ store: inout S, own: DomainID, permissions: (String) throws -> [StorePermission]?
    ) throws {
        try store.remove(Self.home)
        try store.write(Self.home, "")
        switch self {
        case .values: try Self.values(&store)
        case .missing: try Self.missing(&store)
        case .remove: try Self.remove(&store)
        case .directory: try Self.directory(&store, (0..<5).map { "child-\($0)" })
        case .fullDirectory:
            // xenstored gives a node of a guest 2,048 bytes, its children's names among them.
            let filler = String(repeating: "x", count: 40)
            try Self.directory(&store, (100..<140).map { "\(filler)\($0)" })
        case .watch: try Self.watch(&store)
        case .abort: try Self.transaction(&store, commit: false)
        case .commit: try Self.transaction(&store, commit: true)
        case .conflict: try Self.conflict(&store)
        case .permissions: try Self.permissions(&store, own, permissions)
        case .otherHome:
            let other = DomainID(own == .control ? 1 : 0)
            try Self.isDenied(&store, "/local/domain/\(other)/data/proof")
        }
        try store.remove(Self.home)
    }

    private static func values<S: XenStore & ~Copyable>(_ store: inout S) throws {
        for value in ["", "4", "one\ntwo\n", "Grüße", String(repeating: "long ", count: 300)] {
            try store.write("\(home)/value", value)
            try equal(try store.read("\(home)/value"), value, "the value")
        }
    }

    private static func missing<S: XenStore & ~Copyable>(_ store: inout S) throws {
        try equal(try store.read("\(home)/none"), nil, "a missing value")
        try equal(try store.directory("\(home)/none"), nil, "a missing directory")
        try equal(try store.remove("\(home)/none/below"), false, "the removal of no node")
    }

    private static func remove<S: XenStore & ~Copyable>(_ store: inout S) throws {
        try store.write("\(home)/a/b/c", "deep")
        try equal(try store.remove("\(home)/a"), true, "the removal")
        try equal(try store.read("\(home)/a/b/c"), nil, "what was below")
        try equal(try store.directory(home), [], "what is left")
    }

    private static func directory<S: XenStore & ~Copyable>(
        _ store: inout S, _ names: [String]
    ) throws {
        for name in names { try store.write("\(home)/\(name)", "1") }
        try equal(try store.directory(home)?.sorted(), names, "the list")
    }

    private static func watch<S: XenStore & ~Copyable>(_ store: inout S) throws {
        func next(_ path: String, _ store: inout S) throws {
            let event = try eventually { try store.nextWatchEvent() }
            try equal(event, StoreWatchEvent(path: path, token: "proof"), "the event")
        }
        try store.watch(home, token: "proof")
        try next(home, &store)
        try store.write("\(home)/a/b", "1")
        try next("\(home)/a/b", &store)
        try store.write("\(home)/a/b", "2")
        try next("\(home)/a/b", &store)
        try store.remove("\(home)/a")
        try next("\(home)/a", &store)
        try store.unwatch(home, token: "proof")
        try store.write("\(home)/a", "3")
        try equal(try afterAWhile { try store.nextWatchEvent() }, nil, "the event after the end")
    }

    private static func transaction<S: XenStore & ~Copyable>(
        _ store: inout S, commit: Bool
    ) throws {
        let path = "\(home)/value"
        try store.write(path, "old")
        let transaction = try store.beginTransaction()
        try store.write(path, "new", in: transaction)
        try equal(try store.read(path, in: transaction), "new", "the value within")
        try equal(try store.read(path), "old", "the value outside")
        try equal(try store.endTransaction(transaction, commit: commit), true, "the end")
        try equal(try store.read(path), commit ? "new" : "old", "the value afterwards")
    }

    private static func conflict<S: XenStore & ~Copyable>(_ store: inout S) throws {
        let path = "\(home)/value"
        try store.write(path, "old")
        let transaction = try store.beginTransaction()
        try equal(try store.read(path, in: transaction), "old", "the value within")
        try store.write(path, "rival")
        try store.write(path, "new", in: transaction)
        try equal(try store.endTransaction(transaction, commit: true), false, "the commit")
        try equal(try store.read(path), "rival", "the value afterwards")
    }

    private static func permissions<S: XenStore & ~Copyable>(
        _ store: inout S, _ own: DomainID, _ read: (String) throws -> [StorePermission]?
    ) throws {
        let path = "\(home)/value"
        try store.write(path, "1")
        for (mayRead, mayWrite) in [(true, false), (false, true), (true, true), (false, false)] {
            let wanted = [
                StorePermission(domain: own, mayRead: false, mayWrite: false),
                StorePermission(domain: DomainID(7), mayRead: mayRead, mayWrite: mayWrite),
            ]
            try store.setPermissions(path, wanted, in: .none)
            try equal(try read(path), wanted, "what was set")
        }
        try equal(try store.read(path), "1", "the owner's value")
    }

    private static func isDenied<S: XenStore & ~Copyable>(
        _ store: inout S, _ path: String
    ) throws {
        do throws(PlatformError) {
            try store.write(path, "1")
        } catch {
            try hold(error.isPermissionDenied, "the error is: \(error)")
            return
        }
        throw ProofFailure("\(path) was written")
    }
}
