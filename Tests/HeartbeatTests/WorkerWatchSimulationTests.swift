// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import TestSupport
import Testing

@Suite("The watch over simulated workers")
struct WorkerWatchSimulationTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let seeds = 0..<4 as Range<UInt64>
    private static let looksPerRun = 60_000

    /// 6 loads, 4 seeds and 60,000 looks each: 1.4 million looks.
    @Test(
        "no load raises a false alarm, and a stop is found within the bound",
        arguments: WatchedWorker.Load.allCases, seeds)
    func simulation(load: WatchedWorker.Load, seed: UInt64) {
        var worker = WatchedWorker(load: load, seed: seed)
        var delays: [UInt64] = []
        for look in 1...Self.looksPerRun {
            let verdict = worker.look()
            if verdict.isDead {
                Issue.record("\(load), seed \(seed): \(verdict) at look \(look), \(worker)")
                return
            }
            if look % 30 == 0 {
                // In a world beside this one the worker stops.
                var stopped = worker
                stopped.stopsAt = worker.now + UInt64(look * 997 % 4_000_000)
                let delay = Self.delay(of: &stopped)
                // Work is seen at the next look, death at the one after the silence is deadly; a
                // watcher that paused starts again.
                let bound = stopped.watch.deadlySilenceNanoseconds + 20 * Self.millisecond
                if let delay { delays.append(delay) }
                #expect(delay ?? 0 <= bound, "\(load), seed \(seed), look \(look)")
            }
        }
        delays.sort()
        let (median, late) = (delays[delays.count / 2], delays[delays.count * 99 / 100])
        let (medianMax, lateMax) = Self.delayBounds(load)
        #expect(median < medianMax * Self.millisecond, "\(load), seed \(seed)")
        #expect(late < lateMax * Self.millisecond, "\(load), seed \(seed)")
    }

    /// Milliseconds for half of the stops and for 99 of 100. Where turns are short that leaves
    /// enough of 30 ms for a takeover.
    private static func delayBounds(_ load: WatchedWorker.Load) -> (median: UInt64, late: UInt64) {
        switch load {
        case .shortTurns, .rests: (22, 24)
        case .busyMachine: (22, 28)
        case .sporadic: (26, 32)
        case .bursts: (50, 80)
        case .longTurns: (80, 100)
        }
    }

    /// From when the worker was missed until it was called dead; nil when the watcher paused
    /// meanwhile, which starts the silence again.
    private static func delay(of worker: inout WatchedWorker) -> UInt64? {
        var last = worker.now
        for _ in 0..<100_000 {
            let verdict = worker.look()
            if worker.missedSince != nil, worker.now - last > 10 * millisecond { return nil }
            last = worker.now
            if verdict.isDead {
                return worker.missedSince.map { worker.now - $0 } ?? .max
            }
        }
        return .max
    }

    /// One look of the exhaustive test.
    private struct Look {
        var now: UInt64
        var hasWork: Bool
        var wasPaused: Bool
    }

    @Test("with a fixed limit every history of five looks is judged as the definition says")
    func exhaustive() {
        let limits = DetectionLimits(
            mode: .fixed(milliseconds: 1), ownPauseNanoseconds: Self.millisecond)
        var faults: [Int] = []
        // Each digit of base 12 is a look: the beat, the work, and how late it is.
        for number in 0..<(12 * 12 * 12 * 12 * 12) {
            var now = 10 * Self.millisecond
            var beat = Beat(sequence: .max - 3, nanoseconds: now)
            var watch = WorkerWatch(limits: limits, at: now)
            _ = watch.look(beat, hasWork: false, at: now)
            var history: [Look] = []
            var digits = number
            for _ in 0..<5 {
                let digit = digits % 12
                digits /= 12
                let wasPaused = digit % 2 == 1
                now += wasPaused ? 1_100_000 : 400_000
                if digit % 6 >= 2 {
                    beat.sequence = beat.sequence.addingReportingOverflow(2).partialValue
                    beat.nanoseconds = now - 200_000
                    let rests = digit % 6 >= 4
                    beat.quietUntil = rests ? now + 600_000 : min(beat.quietUntil, now - 200_000)
                }
                history.append(Look(now: now, hasWork: digit >= 6, wasPaused: wasPaused))
                let verdict = watch.look(beat, hasWork: digit >= 6, at: now)
                if verdict != Self.definition(history, beat) { faults.append(number) }
            }
        }
        #expect(faults == [])
    }

    /// The verdict from the whole history: silent since the latest of the four.
    private static func definition(_ history: [Look], _ beat: Beat) -> WorkerWatch.Verdict {
        guard let last = history.last, last.hasWork else { return .alive }
        let workSeen = history.reversed().prefix { $0.hasWork }.last?.now ?? 0
        let paused = history.last { $0.wasPaused }?.now ?? 0
        let since = max(workSeen, paused, beat.nanoseconds, beat.quietUntil)
        guard last.now >= since + millisecond / 2 else { return .alive }
        return last.now - since >= millisecond ? .dead(since: since) : .suspect(since: since)
    }
}
