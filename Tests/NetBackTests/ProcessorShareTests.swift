// SPDX-License-Identifier: Apache-2.0
import NetBack
import Platform
import TestSupport
import Testing

@Suite("What a thread of real-time priority leaves to others")
struct ProcessorShareTests {
    /// A thread with clocks that a test moves.
    private struct Thread {
        var share: ProcessorShare
        var now: UInt64 = 5_000_000_000
        var used: UInt64 = 77
        var rested: UInt64 = 0
        var longestRun: UInt64 = 0
        private var run: UInt64 = 0

        init(_ share: ProcessorShare) { self.share = share }

        /// One turn that computes and then waits.
        mutating func turn(computing: UInt64, waiting: UInt64 = 0) {
            now += computing + waiting
            used += computing
            run = waiting > 0 ? 0 : run + computing
            longestRun = max(longestRun, run)
            guard share.isLookDue() else { return }
            let rest = share.rest(at: Instant(nanoseconds: now), used: used)
            now += rest
            rested += rest
            if rest > 0 { run = 0 }
        }
    }

    @Test(
        "a thread that is always busy leaves its part, however long a turn is", arguments: [4, 16])
    func busy(parts: UInt64) {
        for turn in [UInt64(20_000), 300_000, 1_300_000] {
            var thread = Thread(ProcessorShare(leavingOneOf: parts))
            let (start, used) = (thread.now, thread.used)
            for _ in 0..<10_000 { thread.turn(computing: turn) }
            let part = Double(thread.used - used) / Double(thread.now - start)
            let allowed = 1 - 1 / Double(parts)
            #expect(part <= allowed + 0.01, "\(turn) ns")
            // The longest rest bounds what a turn of many milliseconds can owe.
            if turn < 1_000_000 { #expect(part > allowed - 0.1, "\(turn) ns") }
            #expect(thread.longestRun <= 2 * 16 * turn)
        }
    }

    @Test("a thread that sleeps enough by itself never rests")
    func idle() {
        var thread = Thread(ProcessorShare(leavingOneOf: 4))
        for _ in 0..<1000 { thread.turn(computing: 30_000, waiting: 20_000) }
        #expect(thread.rested == 0)
    }

    @Test("a guest that sends events without end, each alone, costs no more than a busy one")
    func storm() {
        var thread = Thread(ProcessorShare(leavingOneOf: 4))
        // Every wait returns at once: there is an idle turn for each event.
        let (start, used) = (thread.now, thread.used)
        for _ in 0..<50_000 { thread.turn(computing: 3000, waiting: 1) }
        let part = Double(thread.used - used) / Double(thread.now - start)
        #expect(part <= 0.76)
    }

    @Test("sleep of long ago is no licence: bursts after it are bounded", arguments: 0..<20)
    func bursts(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var thread = Thread(ProcessorShare(leavingOneOf: 4))
        for _ in 0..<50 {
            thread.turn(computing: 1000, waiting: 10_000_000_000)
            for _ in 0..<Int.random(in: 1...200, using: &random) {
                thread.turn(computing: 100_000)
            }
        }
        #expect(thread.longestRun <= 2 * 16 * 100_000, "seed \(seed)")
    }

    @Test("clocks that stand still or go back are survived")
    func clocks() {
        var share = ProcessorShare(leavingOneOf: 4)
        #expect(share.rest(at: Instant(nanoseconds: 1000), used: 500) == 0)
        #expect(share.rest(at: Instant(nanoseconds: 900), used: 400) == 0)
        #expect(share.rest(at: Instant(nanoseconds: 900), used: 400) == 0)
        #expect(
            share.rest(at: Instant(nanoseconds: 1000), used: .max / 4) == ProcessorShare.restMax)
    }

    @Test("one processor for all leaves a quarter, more than threads a sixteenth")
    func choice() {
        for (processors, threads, parts) in [(1, 1, 4), (2, 1, 16), (4, 4, 4), (8, 4, 16)] {
            var share = ProcessorShare.suiting(processorCount: processors, threadCount: threads)
            _ = share.rest(at: Instant(nanoseconds: 0), used: 0)
            let used = UInt64((parts - 1) * 1_000_000)
            #expect(share.rest(at: Instant(nanoseconds: used), used: used) == 1_000_000)
        }
    }
}
