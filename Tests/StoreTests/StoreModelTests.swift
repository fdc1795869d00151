// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import TestSupport
import Testing

/// The same store as a flat dictionary: slow, and obviously right.
struct StoreModel {
    enum Operation {
        case read(String)
        case list(String)
        case write(String, String)
        case remove(String)
    }
    /// What an operation says, to be compared.
    enum Answer: Equatable {
        case done
        case value(String)
        case names([String])
        case failed(StoreError)
    }

    var nodes: [String: String] = ["/": ""]

    static func isBelow(_ path: String, _ top: String) -> Bool {
        top == "/" || path == top || path.hasPrefix(top + "/")
    }

    static func parent(_ path: String) -> String {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        return "/" + parent
    }

    mutating func perform(_ operation: Operation) -> Answer {
        switch operation {
        case .read(let path):
            return nodes[path].map { .value($0) } ?? .failed(.notFound)
        case .list(let path):
            guard nodes[path] != nil else { return .failed(.notFound) }
            let children = nodes.keys.filter { $0 != "/" && StoreModel.parent($0) == path }
            return .names(children.map { String($0.split(separator: "/").last ?? "") }.sorted())
        case .write(let path, let value):
            var above = StoreModel.parent(path)
            while nodes[above] == nil {
                nodes[above] = ""
                above = StoreModel.parent(above)
            }
            nodes[path] = value
            return .done
        case .remove(let path):
            guard nodes[path] != nil else {
                return nodes[StoreModel.parent(path)] == nil ? .failed(.notFound) : .done
            }
            nodes = nodes.filter { !StoreModel.isBelow($0.key, path) }
            return .done
        }
    }

    /// The paths that a watch is told of, sorted, when `operation` is done on this state.
    func events(of operation: Operation, watching watched: String) -> [String] {
        switch operation {
        case .read, .list: return []
        case .write(let path, _): return StoreModel.isBelow(path, watched) ? [path] : []
        case .remove(let path):
            guard nodes[path] != nil else { return [] }
            if StoreModel.isBelow(path, watched) { return [path] }
            return StoreModel.isBelow(watched, path) && nodes[watched] != nil ? [watched] : []
        }
    }
}

@Suite("the emulated store against a model")
struct StoreModelTests {
    private static let paths = [
        "/a", "/b", "/a/a", "/a/b", "/b/a", "/a/a/a", "/a/a/b", "/a/b/c", "/b/a/a/a",
    ]

    private static func operation(
        _ random: inout SplitMix64, _ step: Int
    ) -> StoreModel.Operation {
        let path = paths.randomElement(using: &random) ?? "/a"
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1: return .read(path)
        case 2: return .list(Bool.random(using: &random) ? path : "/")
        case 3: return .remove(path)
        default: return .write(path, "\(step)")
        }
    }

    private static func perform(
        _ operation: StoreModel.Operation, in transaction: StoreTransaction,
        _ fixture: StoreFixture
    ) -> StoreModel.Answer {
        do throws(StoreError) {
            switch operation {
            case .read(let path):
                return .value(try fixture.read(path, in: transaction))
            case .list(let path):
                return .names(
                    try fixture.store.directory(path, in: transaction, by: fixture.dom0).names)
            case .write(let path, let value):
                try fixture.write(path, value, in: transaction)
            case .remove(let path):
                try fixture.store.remove(path, in: transaction, by: fixture.dom0)
            }
            return .done
        } catch { return .failed(error) }
    }

    private struct Open {
        var transaction: StoreTransaction
        var snapshot: StoreModel
        var log: [(StoreModel.Operation, StoreModel.Answer)] = []
        var hasSeenChange = false
    }

    @Test("random operations answer as the model's do, and commits are serial", arguments: 0..<40)
    func random(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let fixture = StoreFixture()
        var model = StoreModel()
        var open: [Open] = []
        let watcher = fixture.store.open(as: .control)
        for path in Self.paths { try fixture.store.watch(path, token: path, by: watcher) }
        while fixture.store.nextWatchEvent(for: watcher) != nil {}

        for step in 0..<1500 {
            let choice = Int.random(in: 0..<100, using: &random)
            if choice < 4, open.count < 5 {
                let transaction = try fixture.store.beginTransaction(by: fixture.dom0)
                open.append(Open(transaction: transaction, snapshot: model))
            } else if choice < 8, !open.isEmpty {
                let ended = open.remove(at: Int.random(in: 0..<open.count, using: &random))
                if end(ended, fixture, &model, "seed \(seed) step \(step)") {
                    for index in open.indices { open[index].hasSeenChange = true }
                }
                while fixture.store.nextWatchEvent(for: watcher) != nil {}
            } else if choice < 50, !open.isEmpty {
                let index = Int.random(in: 0..<open.count, using: &random)
                let operation = Self.operation(&random, step)
                let answer = Self.perform(operation, in: open[index].transaction, fixture)
                let expected = open[index].snapshot.perform(operation)
                #expect(answer == expected, "seed \(seed) step \(step)")
                open[index].log.append((operation, answer))
            } else {
                let operation = Self.operation(&random, step)
                let told = Self.paths.map { model.events(of: operation, watching: $0) }
                let answer = Self.perform(operation, in: .none, fixture)
                #expect(answer == model.perform(operation), "seed \(seed) step \(step)")
                var heard: [String: [String]] = [:]
                while let event = fixture.store.nextWatchEvent(for: watcher) {
                    heard[event.token, default: []].append(event.path)
                }
                for (path, paths) in zip(Self.paths, told) {
                    #expect(heard[path] ?? [] == paths, "seed \(seed) step \(step)")
                }
                for index in open.indices { open[index].hasSeenChange = true }
            }
        }
        for (path, value) in model.nodes {
            #expect(try fixture.read(path) == value, "seed \(seed)")
        }
    }

    /// A commit that succeeds must be as if all of it had been done just now; one that fails
    /// needs someone else's change. Returns whether the store may have changed.
    private func end(
        _ ended: Open, _ fixture: StoreFixture, _ model: inout StoreModel, _ place: String
    ) -> Bool {
        do throws(StoreError) {
            try fixture.store.endTransaction(ended.transaction, commit: true, by: fixture.dom0)
        } catch {
            #expect(error == .again, "\(place)")
            #expect(ended.hasSeenChange, "\(place)")
            return false
        }
        for (operation, answer) in ended.log {
            #expect(model.perform(operation) == answer, "\(place)")
        }
        return true
    }
}
