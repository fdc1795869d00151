// SPDX-License-Identifier: Apache-2.0
import TestSupport

/// Every probability of a random simulation, in one part of a thousand, drawn from its seed.
struct FaultPlan: CustomStringConvertible {
    /// The backend's process is killed, in each turn of it.
    var kill: Int
    /// The one that takes over is killed while it does so.
    var killInTakeover: Int
    /// The process only stalls: its successor takes the lease, and it wakes up later.
    var zombie: Int
    /// A notification comes later, and may be merged with the next.
    var lateEvent: Int
    /// A notification never comes.
    var lostEvent: Int
    /// Someone writes into the journal between two lives.
    var corruption: Int
    /// A guest vanishes, in each round.
    var vanish: Int
    /// What a hostile guest does in its turn is nonsense.
    var hostility: Int
    /// Deaths of the whole run at most.
    var deathsMax: Int

    init(_ random: inout SplitMix64) {
        func either(_ values: [Int]) -> Int { values.randomElement(using: &random) ?? 0 }
        kill = either([0, 30, 100, 300])
        killInTakeover = either([0, 0, 200, 500])
        zombie = either([0, 0, 200])
        lateEvent = either([0, 100, 500])
        lostEvent = either([0, 0, 0, 50])
        corruption = either([0, 0, 0, 300])
        vanish = either([0, 0, 0, 20])
        hostility = either([0, 300, 1000])
        deathsMax = either([1, 3, 8])
    }

    var description: String {
        "kill \(kill), in a takeover \(killInTakeover), zombie \(zombie), late event \(lateEvent), "
            + "lost event \(lostEvent), corruption \(corruption), vanish \(vanish), hostility "
            + "\(hostility) (in 1000), deaths \(deathsMax) at most"
    }
}

extension SplitMix64 {
    /// True once in so many thousand times.
    mutating func happens(_ part: Int) -> Bool {
        part > 0 && Int.random(in: 0..<1000, using: &self) < part
    }
}
