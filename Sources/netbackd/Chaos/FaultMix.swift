// SPDX-License-Identifier: Apache-2.0

/// What a chaos run does to a pair.
enum FaultClass: String, CaseIterable, Sendable {
    /// Nothing, for as long as a fault takes: what traffic looks like without one.
    case control
    /// SIGKILL to the primary.
    case kill
    /// SIGSTOP to the primary.
    case stop
    /// A half of a queue stalls, or a worker sleeps or spins.
    case hang
    /// A worker ends its process as a trap does.
    case crash
    /// The shadow takes over on purpose.
    case handover

    /// Whether the primary is to be replaced.
    var isTakeover: Bool { self != .control }
}

/// One fault of a run.
struct PlannedFault: Sendable {
    /// How it is made.
    enum Way: Sendable, Equatable {
        case nothing
        /// A signal to the primary.
        case signal(Int32)
        /// A wish written to the fault node.
        case wish(String)
        /// The signal to the parent that asks for a handover.
        case handover
    }

    var kind: FaultClass
    var way: Way
    /// How long traffic goes on undisturbed before it.
    var pauseMilliseconds: Int
}

/// How many faults of each class a run makes.
struct FaultMix: Sendable {
    var counts: [FaultClass: Int]
    /// Guests are domains 2, 3 and so on, each with a busy vif of number 0.
    var guestCount: Int
    var intervalMilliseconds: Int

    /// The faults in the order of the seed, which alone reproduces it.
    func plan(seed: UInt64) -> [PlannedFault] {
        var generator = SplitMix64(seed: seed)
        var faults: [PlannedFault] = []
        for kind in FaultClass.allCases {
            for number in 0..<(counts[kind] ?? 0) {
                faults.append(
                    PlannedFault(kind: kind, way: way(kind, number), pauseMilliseconds: 0))
            }
        }
        faults.shuffle(using: &generator)
        let longest = max(1, intervalMilliseconds)
        for position in faults.indices {
            // Never in step with anything that the pair does at regular times.
            faults[position].pauseMilliseconds = Int.random(
                in: longest / 2...longest + longest / 2, using: &generator)
        }
        return faults
    }

    private func way(_ kind: FaultClass, _ number: Int) -> PlannedFault.Way {
        switch kind {
        case .control: return .nothing
        case .kill: return .signal(9)
        case .stop: return .signal(19)
        case .crash: return .wish("crash \(number % 2)")
        case .handover: return .handover
        case .hang:
            let vif = "vif\(2 + number / 6 % max(1, guestCount)).0"
            let wishes = [
                "stall \(vif) tx", "sleep 0", "stall \(vif) rx", "sleep 1", "spin 0", "spin 1",
            ]
            return .wish(wishes[number % wishes.count])
        }
    }
}
