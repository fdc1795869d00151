// SPDX-License-Identifier: Apache-2.0
import Glibc
import NetBack
import Platform
import TestSupport
import Testing

/// Memory of backends, used by one random world after the other.
final class RandomStage {
    let memory = BackendMemory(workerCount: 2, queueCount: RandomWorld.queueCount)
    let arenas = [BackendMemory(queueCount: 0), BackendMemory(queueCount: 0)]

    func clear() {
        memory.clear()
        for arena in arenas { arena.clear() }
    }
}

/// The real workers on the emulated machine, with everything that can go wrong at once. The seed
/// alone repeats a run: `make sim SEED=17`.
@Suite struct RandomSimulationTests {
    private static let blockCount = 8

    private static func number(_ name: String) -> UInt64? {
        // SAFETY: nobody changes the environment.
        guard let text = unsafe getenv(name) else { return nil }
        return unsafe UInt64(String(cString: text))
    }

    @Test("R1-R7: seeds of everything at once", arguments: 0..<blockCount)
    func seeds(_ block: Int) throws {
        let stage = RandomStage()
        var coverage = Coverage()
        let all: Range<UInt64>
        if let seed = Self.number("SIM_SEED") {
            all = block == 0 ? seed..<seed + 1 : 0..<0
        } else {
            let blocks = UInt64(Self.blockCount)
            let count = ((Self.number("SIM_SEEDS") ?? 1000) + blocks - 1) / blocks
            all = UInt64(block) * count..<UInt64(block + 1) * count
        }
        for seed in all {
            let world = try RandomWorld(seed: seed, on: stage)
            try world.play()
            coverage.add(world)
            try #require(
                world.violations == [],
                """
                seed \(seed), \(world.plan)
                \(world.events.joined(separator: "\n"))
                """)
        }
        print("random, seeds \(all): \(coverage)")
    }

    @Test("a journal with a channel that cannot be ends nobody, and nothing is followed there")
    func impossibleChannel() throws {
        let world = try RandomWorld(seed: 0, on: RandomStage())
        let journal = try Journal(attachingTo: world.memory.journal)
        journal.queue(0).half(.transmit).note(
            channel: EventChannelPort(0x7FFF_FFFE), worker: 0)
        let successor = try BackendWorker(world, number: 0)
        #expect(!successor.follow(world.guests[0]))
        successor.abandon()
        for worker in world.workers { worker.abandon() }
    }
}
