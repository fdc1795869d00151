// SPDX-License-Identifier: Apache-2.0
import Platform

/// One node of the store with everything below it.
struct StoreNode: Sendable {
    var value: [UInt8] = []
    var permissions: [StorePermission]
    var children: [String: StoreNode] = [:]
    /// Differs after each change of the value, the permissions or the list of children.
    var generation: UInt64 = 0
}

/// All nodes of the store as one value: a copy is a snapshot, and costs nothing until either side
/// changes. Knows no rights and no quotas.
struct StoreTree: Sendable {
    /// What can be said about a node without taking hold of its children: a held list of children
    /// would be copied by the next change to it.
    struct Facts {
        var permissions: [StorePermission]
        var generation: UInt64
    }

    private var root: StoreNode
    private var generation: UInt64 = 0
    /// How many nodes each domain owns.
    private(set) var nodeCounts: [DomainID: Int] = [:]

    /// A root that nobody but the control domain may look at.
    init() {
        root = StoreNode(permissions: [
            StorePermission(domain: .control, mayRead: false, mayWrite: false)
        ])
        nodeCounts[.control] = 1
    }

    func facts(at path: StorePath) -> Facts? {
        node(path).map { Facts(permissions: $0.permissions, generation: $0.generation) }
    }

    func value(at path: StorePath) -> [UInt8]? { node(path)?.value }

    /// The names of the children in order.
    func children(at path: StorePath) -> [String]? { node(path)?.children.keys.sorted() }

    /// How many of the names of a path lead to a node, and that node's permissions.
    func nearest(to path: StorePath) -> (count: Int, permissions: [StorePermission]) {
        var node = root
        for (count, name) in path.names.enumerated() {
            guard let next = node.children[name] else { return (count, node.permissions) }
            node = next
        }
        return (path.names.count, node.permissions)
    }

    /// A node and all below it, parents first.
    func subtree(at path: StorePath) -> [(path: StorePath, permissions: [StorePermission])] {
        guard let top = node(path) else { return [] }
        var found: [(path: StorePath, permissions: [StorePermission])] = []
        var waiting = [(path, top)]
        while let (path, node) = waiting.popLast() {
            found.append((path, node.permissions))
            for (name, child) in node.children.sorted(by: { $0.key > $1.key }) {
                waiting.append((path.child(name), child))
            }
        }
        return found
    }

    /// Makes or changes a node. The parent must be there.
    mutating func put(_ path: StorePath, value: [UInt8], permissions: [StorePermission]) {
        generation += 1
        let formerOwner = StoreTree.put(
            in: &root, path.names[...], value: value, permissions: permissions,
            generation: generation)
        count(formerOwner, -1)
        count(permissions.first?.domain, 1)
    }

    /// Removes a node with all below it. Never the root.
    mutating func remove(_ path: StorePath) {
        generation += 1
        guard let removed = StoreTree.remove(in: &root, path.names[...], generation: generation)
        else { return }
        var waiting = [removed]
        while let node = waiting.popLast() {
            count(node.permissions.first?.domain, -1)
            waiting += node.children.values
        }
    }

    private func node(_ path: StorePath) -> StoreNode? {
        var node = root
        for name in path.names {
            guard let next = node.children[name] else { return nil }
            node = next
        }
        return node
    }

    private mutating func count(_ domain: DomainID?, _ change: Int) {
        guard let domain else { return }
        let count = nodeCounts[domain, default: 0] + change
        nodeCounts[domain] = count == 0 ? nil : count
    }

    /// Returns the former owner, nil if the node is new.
    private static func put(
        in node: inout StoreNode, _ names: ArraySlice<String>, value: [UInt8],
        permissions: [StorePermission], generation: UInt64
    ) -> DomainID? {
        guard let name = names.first else {
            let formerOwner = node.permissions.first?.domain
            node.value = value
            node.permissions = permissions
            node.generation = generation
            return formerOwner
        }
        if let index = node.children.index(forKey: name) {
            return put(
                in: &node.children.values[index], names.dropFirst(), value: value,
                permissions: permissions, generation: generation)
        }
        precondition(names.count == 1, "a node without a parent")
        node.children[name] = StoreNode(
            value: value, permissions: permissions, generation: generation)
        node.generation = generation
        return nil
    }

    private static func remove(
        in node: inout StoreNode, _ names: ArraySlice<String>, generation: UInt64
    ) -> StoreNode? {
        guard let name = names.first, let index = node.children.index(forKey: name) else {
            return nil
        }
        if names.count > 1 {
            return remove(
                in: &node.children.values[index], names.dropFirst(), generation: generation)
        }
        node.generation = generation
        return node.children.remove(at: index).value
    }
}
