// SPDX-License-Identifier: Apache-2.0
import NetBack
import Platform
import TestSupport
import Testing

@Suite("When a worker that feeds guests runs before others")
struct PromptnessTests {
    /// A worker with a clock and a counter that a test moves.
    private struct Thread {
        var now: UInt64 = 5_000_000_000
        var slots: UInt64 = 77
        var changes = 0
        var promptTurns = 0
        var promptSlots: UInt64 = 0
        var promptness = Promptness(slots: 77, at: Instant(nanoseconds: 5_000_000_000))

        mutating func turn(after waiting: UInt64, filling count: UInt64) {
            now += waiting
            if promptness.isPrompt {
                promptTurns += 1
                promptSlots += count
            }
            slots += count
            if promptness.isChanged(slots: slots, at: Instant(nanoseconds: now)) { changes += 1 }
        }
    }

    @Test("it does not at first, and does after a while with little to carry")
    func sparse() {
        var thread = Thread()
        #expect(!thread.promptness.isPrompt)
        for _ in 0..<6 { thread.turn(after: 5_000_000, filling: 1) }
        #expect(!thread.promptness.isPrompt)
        for _ in 0..<1000 { thread.turn(after: 5_000_000, filling: 1) }
        #expect(thread.promptness.isPrompt)
        #expect(thread.changes == 1)
        #expect(thread.promptTurns > 990)
    }

    @Test("a single question after a pause is answered promptly")
    func pause() {
        var thread = Thread()
        thread.turn(after: 40_000_000, filling: 1)
        #expect(thread.promptness.isPrompt)
    }

    @Test(
        "with much to carry it gives way, and goes on to",
        arguments: [(125_000, 1), (700_000, 17), (2_000_000, 68), (10_000, 200)])
    func busy(waiting: UInt64, filling: UInt64) {
        var thread = Thread()
        thread.turn(after: 40_000_000, filling: 1)
        for _ in 0..<10_000 { thread.turn(after: waiting, filling: filling) }
        #expect(!thread.promptness.isPrompt)
        #expect(thread.changes == 2)
        // The turn that shows it, and those that the allowance pays for.
        #expect(thread.promptTurns <= 38)
    }

    @Test("a guest that wakes it for nothing spends the allowance as well")
    func storm() {
        var thread = Thread()
        thread.turn(after: 40_000_000, filling: 0)
        #expect(thread.promptness.isPrompt)
        for _ in 0..<100_000 { thread.turn(after: 3000, filling: 0) }
        #expect(!thread.promptness.isPrompt)
        #expect(thread.changes == 2)
        #expect(thread.promptTurns <= 32)
    }

    @Test("whatever comes, what is carried promptly was saved for before", arguments: 0..<50)
    func any(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var thread = Thread()
        let start = thread.now
        for _ in 0..<5000 {
            let shift = UInt64.random(in: 0...12, using: &random)
            let waiting = UInt64.random(in: 0...4_000_000, using: &random) >> shift
            thread.turn(after: waiting, filling: UInt64.random(in: 0...4, using: &random))
        }
        // The turn that spends the last of it may fill a little more than is left, once a change.
        let paid = (thread.now - start) / Promptness.slotCost + 4 * UInt64(thread.changes)
        #expect(thread.promptSlots <= paid, "seed \(seed)")
        // From one to the next the whole allowance has to be saved.
        let changesMax = 2 * ((thread.now - start) / Promptness.allowanceMax + 1)
        #expect(UInt64(thread.changes) <= changesMax, "seed \(seed)")
    }

    @Test("a clock that goes back and a counter that starts again are survived")
    func clocks() {
        var promptness = Promptness(slots: .max - 1, at: Instant(nanoseconds: 1000))
        var isPrompt: [Bool] = []
        for (slots, time) in [(1, 900), (2, UInt64.max), (1, 0), (40, 0), (1, .max)] {
            _ = promptness.isChanged(
                slots: UInt64(slots), at: Instant(nanoseconds: UInt64(time)))
            isPrompt.append(promptness.isPrompt)
        }
        #expect(isPrompt == [false, true, true, false, true])
    }
}
