// SPDX-License-Identifier: Apache-2.0

/// Explores every execution of two programs over memory with store buffers.
///
/// Each processor's stores wait in a buffer of its own and reach memory later; its loads see its
/// own buffer first. In total store order (x86) stores leave in the order made; in partial store
/// order a store may overtake earlier ones to other words, unless it is a release.
package struct StoreBufferModel {
    /// In which order stores may become visible.
    package enum StoreOrder: Sendable { case total, partial }

    /// What one program did in one complete execution.
    package typealias Outcome = [UInt32]
    /// A program: prepares itself on the memory, calls `begin()`, acts, and says what it found.
    package typealias Program = (ScheduledWords) -> Outcome

    private struct Store: Hashable {
        var word: Int
        var value: UInt32
        var isRelease: Bool
    }

    private struct Processor: Hashable {
        var answers: [UInt32] = []
        var position = 0
        var buffer: [Store] = []
    }

    private struct State: Hashable {
        var memory: [UInt32]
        var processors: [Processor]
    }

    private let initialMemory: [UInt32]
    private let programs: [Program]
    private let order: StoreOrder
    private let fencesAct: Bool
    private let releasesAct: Bool
    private var seen: Set<State> = []
    /// What the programs found, once for each distinct complete execution.
    package private(set) var outcomes: [[Outcome]] = []

    /// How many distinct states there are.
    package var stateCount: Int { seen.count }

    /// With `fencesAct` or `releasesAct` false the programs run as if they had none.
    package init(
        memory: [UInt32], order: StoreOrder, fencesAct: Bool = true, releasesAct: Bool = true,
        programs: [Program]
    ) {
        initialMemory = memory
        self.programs = programs
        self.order = order
        self.fencesAct = fencesAct
        self.releasesAct = releasesAct
        explore()
    }

    private mutating func explore() {
        var open = [
            State(memory: initialMemory, processors: programs.map { _ in Processor() })
        ]
        while let state = open.popLast() {
            guard seen.insert(state).inserted else { continue }
            var isFinal = true
            var found: [Outcome] = []
            for index in programs.indices {
                let words = ScheduledWords(
                    words: initialMemory, answers: state.processors[index].answers)
                found.append(programs[index](words))
                for position in leavable(state.processors[index].buffer) {
                    isFinal = false
                    var next = state
                    let store = next.processors[index].buffer.remove(at: position)
                    next.memory[store.word] = store.value
                    open.append(next)
                }
                if state.processors[index].position < words.accesses.count {
                    isFinal = false
                    let access = words.accesses[state.processors[index].position]
                    if let next = take(access, by: index, in: state) { open.append(next) }
                }
            }
            if isFinal { outcomes.append(found) }
        }
    }

    /// The state after one access; nil while a fence waits for the buffer to drain.
    private func take(_ access: SharedAccess, by index: Int, in state: State) -> State? {
        var next = state
        next.processors[index].position += 1
        let buffer = state.processors[index].buffer
        switch access {
        case .load(let word):
            let own = buffer.last { $0.word == word }
            next.processors[index].answers.append(own?.value ?? state.memory[word])
        case .store(let word, let value, let isRelease):
            next.processors[index].buffer.append(
                Store(word: word, value: value, isRelease: isRelease && releasesAct))
        case .fence:
            if fencesAct && !buffer.isEmpty { return nil }
        }
        return next
    }

    /// Positions of the stores that may become visible next.
    private func leavable(_ buffer: [Store]) -> [Int] {
        switch order {
        case .total: return buffer.isEmpty ? [] : [0]
        case .partial:
            return buffer.indices.filter { position in
                position == 0
                    || (!buffer[position].isRelease
                        && !buffer[..<position].contains { $0.word == buffer[position].word })
            }
        }
    }
}
