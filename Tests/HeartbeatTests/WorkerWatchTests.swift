// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import TestSupport
import Testing

@Suite("The watch over a worker")
struct WorkerWatchTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let start: UInt64 = 5_000_000_000
    private static let second: UInt64 = 1_000_000_000

    /// A worker and its watcher, who looks every four milliseconds, in virtual time.
    private struct World {
        var now = WorkerWatchTests.start
        var watch: WorkerWatch
        var beat = Beat(sequence: .max - 7, nanoseconds: WorkerWatchTests.start)

        init(limits: DetectionLimits = DetectionLimits()) {
            watch = WorkerWatch(limits: limits, at: now)
            _ = watch.look(beat, hasWork: true, at: now)
        }

        /// The worker beats just before the next look.
        mutating func live(_ looks: Int = 1) {
            for _ in 0..<looks {
                now += 4 * WorkerWatchTests.millisecond
                strike(beats: 100)
                let verdict = watch.look(beat, hasWork: true, at: now)
                #expect(verdict == .alive)
            }
        }

        mutating func strike(beats: UInt32 = 1) {
            // A pulse's sequence wraps.
            beat.sequence = beat.sequence.addingReportingOverflow(2 * beats).partialValue
            beat.nanoseconds = now
            beat.quietUntil = min(beat.quietUntil, now)
        }

        /// One look without a new beat.
        mutating func look(hasWork: Bool = true, after gap: UInt64 = 4) -> WorkerWatch.Verdict {
            now += gap * WorkerWatchTests.millisecond
            return watch.look(beat, hasWork: hasWork, at: now)
        }

        /// Nobody beats, but there is work. The time when the watcher said dead and since when.
        mutating func die() -> (at: UInt64, since: UInt64) {
            let end = now + 60 * WorkerWatchTests.second
            while now < end {
                if case .dead(let since) = look() { return (now, since) }
            }
            return (.max, .max)
        }
    }

    @Test("a worker that stops with work is suspect, then dead after 18 to 20 ms and a look")
    func deathIsSeen() {
        var world = World()
        world.live(1000)
        let deadly = world.watch.deadlySilenceNanoseconds
        #expect(deadly >= 18 * Self.millisecond && deadly <= 20 * Self.millisecond)
        let last = world.now
        #expect(world.look() == .alive)
        #expect(world.look() == .suspect(since: last))
        let death = world.die()
        #expect(death.since == last)
        #expect(death.at - last == 20 * Self.millisecond)
    }

    @Test("before anything is learnt, death is 20 ms of silence as well")
    func untaught() {
        let deadly = World().watch.deadlySilenceNanoseconds
        #expect(deadly >= 18 * Self.millisecond && deadly <= 20 * Self.millisecond)
    }

    @Test("a worker without work may be silent for a day, which teaches nothing")
    func idle() {
        var world = World()
        world.live(500)
        let before = world.watch.deadlySilenceNanoseconds
        for gap: UInt64 in [4, 8, 9, 10] {
            for _ in 0..<2000 {
                let verdict = world.look(hasWork: false, after: gap)
                #expect(verdict == .alive)
            }
        }
        world.now += 86_400 * Self.second
        #expect(world.look(hasWork: false) == .alive)
        #expect(world.look(hasWork: true) == .alive)
        world.live()
        #expect(world.watch.deadlySilenceNanoseconds <= before)
    }

    @Test("the silence of a worker that died idle counts from the look that saw work")
    func deathWhileIdle() {
        var world = World()
        world.live(500)
        for _ in 0..<1000 { _ = world.look(hasWork: false) }
        #expect(world.look() == .alive)
        let seen = world.now
        let death = world.die()
        #expect(death.since == seen)
        #expect(death.at - seen == 20 * Self.millisecond)
    }

    @Test("work that comes and goes without a beat starts the silence again each time")
    func workThatGoes() {
        var world = World()
        world.live(100)
        for _ in 0..<1000 {
            for _ in 0..<4 { #expect(!world.look().isDead) }
            #expect(world.look(hasWork: false) == .alive)
        }
    }

    @Test("a rest is honoured; a worker that died in it is found after it")
    func rest() {
        var world = World()
        world.live(500)
        let before = world.watch.deadlySilenceNanoseconds
        for _ in 0..<100 {
            world.now += 4 * Self.millisecond
            world.strike(beats: 100)
            world.beat.quietUntil = world.now + 20 * Self.millisecond
            #expect(world.watch.look(world.beat, hasWork: true, at: world.now) == .alive)
            // Woken up to 4 ms late.
            for _ in 0..<5 { #expect(world.look() == .alive) }
            world.live()
        }
        #expect(world.watch.deadlySilenceNanoseconds <= before)
        world.now += 4 * Self.millisecond
        world.strike()
        let end = world.now + 20 * Self.millisecond
        world.beat.quietUntil = end
        let death = world.die()
        #expect(death.since == end)
        #expect(death.at - end == 20 * Self.millisecond)
    }

    @Test("a rest that nobody saw teaches nothing either")
    func unseenRest() {
        var world = World(limits: DetectionLimits(deviationFloorNanoseconds: 1))
        world.live(2000)
        let before = world.watch.deadlySilenceNanoseconds
        world.now += 9 * Self.millisecond
        // A rest and the beat that ended it.
        world.strike(beats: 2)
        world.beat.quietUntil = world.now
        #expect(world.watch.look(world.beat, hasWork: true, at: world.now) == .alive)
        #expect(world.watch.deadlySilenceNanoseconds == before)
        // A rest that follows a single beat teaches the interval before it.
        world.now += 9 * Self.millisecond
        world.strike()
        world.beat.quietUntil = world.now + 1
        _ = world.watch.look(world.beat, hasWork: true, at: world.now)
        #expect(world.watch.deadlySilenceNanoseconds > before)
    }

    @Test("a beat ends a rest, and a rest without end is not believed")
    func restEnds() {
        var world = World()
        world.live(500)
        world.now += Self.millisecond
        world.strike()
        world.beat.quietUntil = world.now + 40 * Self.millisecond
        #expect(world.look() == .alive)
        world.live()
        let last = world.now
        let death = world.die()
        #expect(death.since == last)
        var endless = World()
        endless.live(500)
        endless.now += 1
        endless.strike()
        endless.beat.quietUntil = .max
        let found = endless.die()
        #expect(found.since == endless.beat.nanoseconds + 50 * Self.millisecond)
    }

    @Test("a pause of the watcher is neither silence nor a lesson")
    func ownPause() {
        var world = World()
        world.live(500)
        for pause: UInt64 in [11, 100, 3_600_000] {
            let before = world.watch.deadlySilenceNanoseconds
            let verdict = world.look(after: pause)
            #expect(verdict == .alive)
            world.strike()
            #expect(world.watch.look(world.beat, hasWork: true, at: world.now) == .alive)
            #expect(world.watch.deadlySilenceNanoseconds == before)
            // What came after the pause is learnt, and no more of it than that.
            #expect(world.look() == .alive)
            #expect(world.look(after: pause) == .alive)
            world.live()
            #expect(world.watch.deadlySilenceNanoseconds <= before)
            // A beat that the pause hid.
            let known = world.watch.deadlySilenceNanoseconds
            world.now += pause * Self.millisecond
            world.strike()
            world.now += pause * Self.millisecond
            #expect(world.watch.look(world.beat, hasWork: true, at: world.now) == .alive)
            #expect(world.watch.deadlySilenceNanoseconds == known)
            world.live(500)
        }
        // Who does not beat after the pause either is given up.
        #expect(world.look(after: 1_000_000) == .alive)
        let resumed = world.now
        let death = world.die()
        #expect(death.since == resumed)
        #expect(death.at - resumed == 20 * Self.millisecond)
    }

    @Test("one long stall does not make the watch blind")
    func oneStall() {
        var world = World()
        world.live(500)
        let before = world.watch.deadlySilenceNanoseconds
        for _ in 0..<2500 { _ = world.look() }
        world.strike()
        _ = world.watch.look(world.beat, hasWork: true, at: world.now)
        #expect(world.watch.deadlySilenceNanoseconds > before)
        #expect(world.watch.deadlySilenceNanoseconds < 3 * before)
        world.live(500)
        #expect(world.watch.deadlySilenceNanoseconds < before + Self.millisecond)
    }

    @Test("the silence that is death follows from the false alarms allowed")
    func falseAlarmTarget() {
        // 86.4 million intervals a day; e^-10 and e^-20 of them may be taken for death.
        for (alarms, exponent) in [(3922.591_527, 10.0), (0.178_085_643, 20.0)] {
            let watch = WorkerWatch(
                limits: DetectionLimits(
                    mode: .adaptive(falseAlarmsPerDay: alarms),
                    deviationFloorNanoseconds: 1_000_000),
                at: 0)
            // An exponential distribution of 1 ms: mean and deviation.
            let deadly = Double(watch.deadlySilenceNanoseconds) / 1e6
            #expect(abs(deadly - exponent) < 0.0001)
        }
    }

    @Test("with a fixed limit death is always the same silence, and suspicion half of it")
    func fixedMode() {
        var world = World(limits: DetectionLimits(mode: .fixed(milliseconds: 25)))
        for _ in 0..<500 {
            world.live()
            for look in 1...6 as ClosedRange<UInt64> {
                let verdict = world.look()
                let last = world.now - look * 4 * Self.millisecond
                #expect(verdict == (look * 4 * 2 >= 25 ? .suspect(since: last) : .alive))
            }
        }
        #expect(world.watch.deadlySilenceNanoseconds == 25 * Self.millisecond)
        #expect(world.look() == .dead(since: world.beat.nanoseconds))
    }

    @Test("who has never beaten is not judged, and whose page cannot be read is as silent")
    func nothingRead() {
        var watch = WorkerWatch(limits: DetectionLimits(), at: 0)
        for look in 1...10_000 as ClosedRange<UInt64> {
            let verdict = watch.look(nil, hasWork: true, at: look * Self.millisecond)
            #expect(verdict == .alive)
        }
        var world = World()
        world.live(100)
        let last = world.now
        for _ in 1...4 {
            world.now += 4 * Self.millisecond
            let verdict = world.watch.look(nil, hasWork: true, at: world.now)
            #expect(!verdict.isDead)
        }
        world.now += 4 * Self.millisecond
        #expect(world.watch.look(nil, hasWork: true, at: world.now) == .dead(since: last))
    }

    @Test("a beat whose time has not come yet postpones nothing")
    func futureBeat() {
        var world = World()
        world.live(100)
        world.now += Self.millisecond
        world.strike()
        world.beat.nanoseconds = .max
        let death = world.die()
        #expect(death.at - world.now == 0)
        #expect(death.at - death.since == 20 * Self.millisecond)
    }

    @Test("no beat and no clock can trap it", arguments: 0..<32 as Range<UInt64>)
    func garbage(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let limits = DetectionLimits(
            mode: seed % 4 == 0
                ? .fixed(milliseconds: .max)
                : .adaptive(falseAlarmsPerDay: [0, -1, 1e9, .nan][Int(seed / 4) % 4]),
            beatIntervalNanoseconds: seed % 3 == 0 ? 0 : random.next(),
            deviationFloorNanoseconds: seed % 7 == 0 ? 0 : random.next(),
            restNanosecondsMax: random.next(),
            ownPauseNanoseconds: seed % 2 == 0 ? .max : random.next())
        var watch = WorkerWatch(limits: limits, at: random.next() >> 32)
        for _ in 0..<500 {
            let beat = Beat(
                sequence: UInt32(truncatingIfNeeded: random.next()), nanoseconds: random.next(),
                quietUntil: random.next())
            let verdict = watch.look(
                random.next() % 4 == 0 ? nil : beat, hasWork: random.next() % 4 != 0,
                at: random.next())
            #expect(verdict.isDead || watch.deadlySilenceNanoseconds > 0, "seed \(seed)")
        }
    }
}

extension WorkerWatch.Verdict {
    /// Whether it is death.
    var isDead: Bool { if case .dead = self { true } else { false } }
}
