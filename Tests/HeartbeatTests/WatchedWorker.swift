// SPDX-License-Identifier: Apache-2.0
import Glibc
import Heartbeat
import TestSupport

/// A worker under a load and its watcher, in one virtual time.
struct WatchedWorker {
    /// What the worker has to do, and how the machine lets it.
    enum Load: String, CaseIterable, Sendable {
        /// Always work, turns of half a millisecond, exponentially distributed.
        case shortTurns
        /// The same with turns of three milliseconds.
        case longTurns
        /// Short turns, and one in five hundred waits for 10 to 20 ms.
        case bursts
        /// As measured with 4 programs per core that take all they get: a beat each millisecond,
        /// one in a thousand late by more than 2 ms, none by 20.
        case busyMachine
        /// Work comes now and then, and is done in a short turn.
        case sporadic
        /// Short turns, and after each 10 of them a rest of up to 20 ms.
        case rests
    }

    let load: Load
    var watch: WorkerWatch
    /// When it stops for good.
    var stopsAt = UInt64.max
    private(set) var now: UInt64 = 1_000_000_000
    private(set) var lookCount = 0
    /// When the worker had something to do, and was not at rest, for the first time after its stop.
    private(set) var missedSince: UInt64?
    private var random: SplitMix64
    private var beat = Beat(sequence: .max - 99, nanoseconds: 1_000_000_000)
    private var turns = 0
    /// When the present work came, or will.
    private var workAt: UInt64 = 1_000_000_000
    /// When the next beat is made, if nothing stops the worker.
    private var beatAt: UInt64 = 1_000_000_000

    init(load: Load, limits: DetectionLimits = DetectionLimits(), seed: UInt64) {
        self.load = load
        random = SplitMix64(seed: seed)
        watch = WorkerWatch(limits: limits, at: now)
        _ = watch.look(beat, hasWork: false, at: now)
    }

    /// The watcher looks after four milliseconds, sometimes late, seldom after a pause of its own.
    mutating func look() -> WorkerWatch.Verdict {
        lookCount += 1
        var gap = milliseconds(4) + exponential(0.05)
        if chance(100) { gap += UInt64.random(in: 0...milliseconds(5), using: &random) }
        if chance(2000) {
            let pause = UInt64.random(in: milliseconds(20)...milliseconds(2000), using: &random)
            gap += pause
            // Half of the times the machine stands still, and the worker with it.
            if chance(2) {
                beatAt += pause
                if workAt > now { workAt += pause }
            }
        }
        now += gap
        live(until: now)
        return watch.look(beat, hasWork: workAt <= now, at: now)
    }

    private mutating func live(until end: UInt64) {
        while beatAt <= min(end, stopsAt) {
            beat.sequence = beat.sequence.addingReportingOverflow(2).partialValue
            // 0 means "never".
            if beat.sequence == 0 { beat.sequence = 2 }
            beat.nanoseconds = beatAt
            beat.quietUntil = min(beat.quietUntil, beatAt)
            turns += 1
            if load == .sporadic {
                workAt = beatAt + exponential(30)
                beatAt = workAt + turn()
            } else if load == .rests, turns % 10 == 0 {
                let rest = UInt64.random(in: milliseconds(1)...milliseconds(20), using: &random)
                beat.quietUntil = beatAt + rest
                beatAt += rest + turn()
            } else {
                beatAt += turn()
            }
        }
        if beatAt > stopsAt, end >= stopsAt, workAt <= end {
            let restEnd = beat.announcesRest ? beat.quietUntil : 0
            missedSince = max(stopsAt, workAt, restEnd)
        }
    }

    private mutating func turn() -> UInt64 {
        switch load {
        case .shortTurns, .rests:
            return exponential(0.5)
        case .longTurns:
            return exponential(3)
        case .bursts:
            let isLate = chance(500)
            return isLate
                ? UInt64.random(in: milliseconds(10)...milliseconds(20), using: &random)
                : exponential(0.5)
        case .busyMachine:
            let late = chance(1000) ? milliseconds(1) + exponential(3) : exponential(0.1)
            return min(milliseconds(1) + late, 19_600_000)
        case .sporadic:
            return exponential(0.3) + (chance(50) ? exponential(2) : 0)
        }
    }

    private mutating func chance(_ oneIn: Int) -> Bool {
        Int.random(in: 0..<oneIn, using: &random) == 0
    }

    private mutating func exponential(_ mean: Double) -> UInt64 {
        let tail = Double.random(in: Double.leastNormalMagnitude..<1, using: &random)
        return UInt64(-log(tail) * mean * 1e6)
    }

    private func milliseconds(_ number: UInt64) -> UInt64 { number * 1_000_000 }
}
