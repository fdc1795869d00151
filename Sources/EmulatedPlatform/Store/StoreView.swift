// SPDX-License-Identifier: Apache-2.0
import Platform

/// A node that became another, and who may hear of it.
struct StoreChange {
    /// Which watches fire.
    enum Reach: Int {
        /// None: an ancestor that was made on the way to the node that was asked for.
        case nobody
        /// Those on this very path: it went away together with an ancestor.
        case exactly
        /// Those on this path and on every ancestor.
        case ancestors
    }

    var path: StorePath
    var reach: Reach
    /// Whoever may read by one of these hears of it: the node's and its parent's permissions.
    var before: [[StorePermission]]
    var after: [[StorePermission]]
}

/// The store as one party sees it: the store itself, or a transaction's own copy. The rules of
/// rights and quotas are here; what happened is kept for watches and for commit.
struct StoreView {
    private(set) var tree: StoreTree
    /// What happened, in order of the first change of each node.
    private(set) var changes: [StoreChange] = []
    private var positions: [StorePath: Int] = [:]
    /// A transaction's nodes with the generation it found, nil for a missing one.
    private(set) var touched: [StorePath: UInt64?] = [:]
    private let firstCounts: [DomainID: Int]
    private let isTransaction: Bool
    private let quota: StoreQuota

    init(_ tree: StoreTree, isTransaction: Bool, quota: StoreQuota) {
        self.tree = tree
        firstCounts = tree.nodeCounts
        self.isTransaction = isTransaction
        self.quota = quota
    }

    mutating func read(_ path: StorePath, as access: StoreAccess) throws(StoreError) -> [UInt8] {
        try find(path, as: access, access.mayRead)
        guard let value = tree.value(at: path) else { throw .notFound }
        return value
    }

    mutating func directory(
        _ path: StorePath, as access: StoreAccess
    ) throws(StoreError) -> (names: [String], generation: UInt64) {
        let facts = try find(path, as: access, access.mayRead)
        guard let names = tree.children(at: path) else { throw .notFound }
        return (names, facts.generation)
    }

    mutating func permissions(
        _ path: StorePath, as access: StoreAccess
    ) throws(StoreError) -> [StorePermission] {
        try find(path, as: access, access.mayRead).permissions
    }

    mutating func write(
        _ path: StorePath, _ value: [UInt8], as access: StoreAccess
    ) throws(StoreError) {
        guard access.isPrivileged || value.count <= quota.valueSizeMax else { throw .noSpace }
        guard let facts = try findOrMissing(path, as: access) else {
            try create(path, value, as: access)
            return
        }
        tree.put(path, value: value, permissions: facts.permissions)
        note(path, .ancestors, before: [], after: visibility(of: path, facts.permissions))
    }

    mutating func makeDirectory(_ path: StorePath, as access: StoreAccess) throws(StoreError) {
        if try findOrMissing(path, as: access) == nil { try create(path, [], as: access) }
    }

    mutating func remove(_ path: StorePath, as access: StoreAccess) throws(StoreError) {
        guard let facts = try findOrMissing(path, as: access) else {
            guard let parent = path.parent, tree.facts(at: parent) != nil else { throw .notFound }
            return
        }
        guard let parent = path.parent else { throw .invalid }
        let doomed = tree.subtree(at: path)
        try touch(doomed.map(\.path) + [parent], as: access)
        for (below, permissions) in doomed.dropFirst() {
            note(
                below, .exactly, before: visibility(of: below, permissions), after: [])
        }
        note(path, .ancestors, before: visibility(of: path, facts.permissions), after: [])
        tree.remove(path)
    }

    mutating func setPermissions(
        _ path: StorePath, _ permissions: [StorePermission], as access: StoreAccess
    ) throws(StoreError) {
        let facts = try find(path, as: access, access.owns)
        try StoreView.check(permissions, replacing: facts.permissions, as: access, quota)
        guard let value = tree.value(at: path) else { throw .notFound }
        let before = visibility(of: path, facts.permissions)
        tree.put(path, value: value, permissions: permissions)
        note(path, .ancestors, before: before, after: visibility(of: path, permissions))
    }

    /// What may take the place of a node's permissions.
    static func check(
        _ permissions: [StorePermission], replacing former: [StorePermission],
        as access: StoreAccess, _ quota: StoreQuota
    ) throws(StoreError) {
        guard let owner = permissions.first?.domain else { throw .invalid }
        guard !access.isPrivileged else { return }
        guard permissions.count <= quota.permissionsPerNodeMax else { throw .noSpace }
        guard owner == former.first?.domain else { throw .notPermitted }
    }

    /// Makes a finished transaction's changes here, unless a node it depends on is another now.
    mutating func commit(_ other: StoreView, as access: StoreAccess) throws(StoreError) {
        for (path, generation) in other.touched {
            guard tree.facts(at: path)?.generation == generation else { throw .again }
        }
        // Several transactions, each within the quota, must not exceed it together.
        let growth = other.nodeCount(of: access.domain) - other.firstNodeCount(of: access.domain)
        guard
            access.isPrivileged || growth <= 0
                || nodeCount(of: access.domain) + growth <= quota.nodesPerDomainMax
        else { throw .noSpace }
        for change in other.changes where other.tree.facts(at: change.path) == nil {
            if change.path != .root { tree.remove(change.path) }
        }
        // A parent's path is a prefix of its child's, so it sorts before it.
        for change in other.changes.sorted(by: { $0.path.description < $1.path.description }) {
            guard let value = other.tree.value(at: change.path),
                let facts = other.tree.facts(at: change.path)
            else { continue }
            tree.put(change.path, value: value, permissions: facts.permissions)
        }
        changes += other.changes
    }

    /// Hands over what happened since the last time.
    mutating func takeChanges() -> [StoreChange] {
        defer {
            changes.removeAll(keepingCapacity: true)
            positions.removeAll(keepingCapacity: true)
        }
        return changes
    }

    private func nodeCount(of domain: DomainID) -> Int { tree.nodeCounts[domain, default: 0] }

    private func firstNodeCount(of domain: DomainID) -> Int { firstCounts[domain, default: 0] }

    /// A node that must be there and allow what `allows` asks.
    @discardableResult
    private mutating func find(
        _ path: StorePath, as access: StoreAccess, _ allows: ([StorePermission]) -> Bool
    ) throws(StoreError) -> StoreTree.Facts {
        try touch([path], as: access)
        guard let facts = tree.facts(at: path) else {
            // Whether a node is missing is for those to know who may look where it would be.
            throw allows(tree.nearest(to: path).permissions) ? .notFound : .accessDenied
        }
        guard allows(facts.permissions) else { throw .accessDenied }
        return facts
    }

    /// A node to be written; nil if it is missing and may be made.
    private mutating func findOrMissing(
        _ path: StorePath, as access: StoreAccess
    ) throws(StoreError) -> StoreTree.Facts? {
        do { return try find(path, as: access, access.mayWrite) } catch .notFound { return nil }
    }

    private mutating func create(
        _ path: StorePath, _ value: [UInt8], as access: StoreAccess
    ) throws(StoreError) {
        let (depth, inherited) = tree.nearest(to: path)
        var permissions = inherited
        if !access.isPrivileged, !permissions.isEmpty { permissions[0].domain = access.domain }
        let missing = path.names.count - depth
        guard
            access.isPrivileged
                || nodeCount(of: access.domain) + missing <= quota.nodesPerDomainMax
        else { throw .noSpace }
        var made: [StorePath] = []
        var next = path
        for _ in 0..<missing {
            made.append(next)
            next = next.parent ?? .root
        }
        try touch(made + [next], as: access)
        for ancestor in made.dropFirst().reversed() {
            tree.put(ancestor, value: [], permissions: permissions)
            note(ancestor, .nobody, before: [], after: [])
        }
        tree.put(path, value: value, permissions: permissions)
        note(path, .ancestors, before: [], after: visibility(of: path, permissions))
    }

    private func visibility(
        of path: StorePath, _ permissions: [StorePermission]
    ) -> [[StorePermission]] {
        guard let parent = path.parent, let above = tree.facts(at: parent) else {
            return [permissions]
        }
        return [permissions, above.permissions]
    }

    private mutating func note(
        _ path: StorePath, _ reach: StoreChange.Reach, before: [[StorePermission]],
        after: [[StorePermission]]
    ) {
        if let position = positions[path] {
            changes[position].after = before + after
            if reach.rawValue > changes[position].reach.rawValue {
                changes[position].reach = reach
            }
            return
        }
        positions[path] = changes.count
        changes.append(StoreChange(path: path, reach: reach, before: before, after: after))
    }

    /// Makes a transaction depend on nodes as they are at their first use.
    private mutating func touch(
        _ paths: [StorePath], as access: StoreAccess
    ) throws(StoreError) {
        guard isTransaction else { return }
        for path in paths where touched[path] == nil {
            guard access.isPrivileged || touched.count < quota.nodesPerTransactionMax else {
                throw .noSpace
            }
            touched.updateValue(tree.facts(at: path)?.generation, forKey: path)
        }
    }
}
