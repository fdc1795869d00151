// SPDX-License-Identifier: Apache-2.0
import Platform

/// Where a watch hangs, and what tells it from others there.
struct StoreWatchKey: Hashable {
    enum Place: Hashable {
        /// A node that need not be there.
        case node(StorePath)
        /// `@introduceDomain` and the like.
        case special(String)
    }

    var place: Place
    var token: String
}

/// One watch of one connection.
struct StoreWatch {
    var connection: StoreConnectionID
    var token: String
    /// How many bytes of a path to leave out in events: the domain's home and a slash if the
    /// path was given relative to it.
    var prefixSize: Int
}

/// All watches by the path they are on, so that a change costs the length of its path and not
/// the number of watches.
struct StoreWatches {
    private struct Branch {
        var watches: [StoreWatch] = []
        var below: [String: Branch] = [:]
        var isEmpty: Bool { watches.isEmpty && below.isEmpty }
    }

    private var root = Branch()
    private var specials: [String: [StoreWatch]] = [:]

    mutating func add(_ watch: StoreWatch, at place: StoreWatchKey.Place) {
        switch place {
        case .special(let name): specials[name, default: []].append(watch)
        case .node(let path): StoreWatches.add(watch, to: &root, path.names[...])
        }
    }

    mutating func remove(_ key: StoreWatchKey, of connection: StoreConnectionID) {
        let isGone = { (watch: StoreWatch) in
            watch.connection == connection && watch.token == key.token
        }
        switch key.place {
        case .special(let name): specials[name]?.removeAll(where: isGone)
        case .node(let path): StoreWatches.remove(isGone, from: &root, path.names[...])
        }
    }

    /// The watches that a change fires, from the root down.
    func fired(by change: StoreChange) -> [StoreWatch] {
        guard change.reach != .nobody else { return [] }
        var fired: [StoreWatch] = []
        var branch = root
        for name in change.path.names {
            if change.reach == .ancestors { fired += branch.watches }
            guard let next = branch.below[name] else { return fired }
            branch = next
        }
        return fired + branch.watches
    }

    func fired(bySpecial name: String) -> [StoreWatch] { specials[name] ?? [] }

    private static func add(
        _ watch: StoreWatch, to branch: inout Branch, _ names: ArraySlice<String>
    ) {
        guard let name = names.first else {
            branch.watches.append(watch)
            return
        }
        add(watch, to: &branch.below[name, default: Branch()], names.dropFirst())
    }

    private static func remove(
        _ isGone: (StoreWatch) -> Bool, from branch: inout Branch, _ names: ArraySlice<String>
    ) {
        guard let name = names.first else {
            branch.watches.removeAll(where: isGone)
            return
        }
        guard let index = branch.below.index(forKey: name) else { return }
        remove(isGone, from: &branch.below.values[index], names.dropFirst())
        if branch.below.values[index].isEmpty { branch.below.remove(at: index) }
    }
}
