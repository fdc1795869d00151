// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import TestSupport
import Testing

@Suite("The failure detector")
struct FailureDetectorTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let start: UInt64 = 5_000_000_000

    /// A worker and its watcher, each with its own next moment, in one virtual time.
    private struct World {
        var now = FailureDetectorTests.start
        var detector: FailureDetector
        var beat = Beat(sequence: .max - 7, nanoseconds: FailureDetectorTests.start)

        init(limits: DetectionLimits = DetectionLimits()) {
            detector = FailureDetector(limits: limits, at: now)
            detector.observe(beat, at: now)
        }

        /// The worker beats after `interval`, and the watcher looks every millisecond till then.
        mutating func live(_ interval: UInt64) -> Bool {
            let next = now + interval
            var isTrusted = true
            while now < next {
                now = min(next, now + FailureDetectorTests.millisecond)
                if now == next { strike() }
                detector.observe(beat, at: now)
                isTrusted = isTrusted && detector.verdict(at: now) != .dead
            }
            return isTrusted
        }

        mutating func strike() {
            // Wraps on purpose, as a pulse's sequence does.
            beat = Beat(sequence: beat.sequence &+ 2, nanoseconds: now)
        }

        /// Nobody beats. Returns how long the watcher took to say dead, in nanoseconds.
        mutating func die() -> UInt64 {
            let death = beat.nanoseconds
            let asked = now
            while detector.verdict(at: now) != .dead && now < asked + 60_000_000_000 {
                now += FailureDetectorTests.millisecond
                detector.observe(beat, at: now)
            }
            return now - death
        }
    }

    @Test("a steady worker is trusted, and dead once its silence is deadly; suspect on the way")
    func deathIsSeen() {
        var world = World()
        for _ in 0..<1000 {
            let isTrusted = world.live(Self.millisecond)
            #expect(isTrusted)
        }
        #expect(world.detector.verdict(at: world.now) == .alive)
        let deadly = world.detector.deadlySilenceNanoseconds
        #expect(deadly > 20 * Self.millisecond && deadly < 30 * Self.millisecond)
        for _ in 0..<15 {
            world.now += Self.millisecond
            world.detector.observe(world.beat, at: world.now)
        }
        #expect(world.detector.verdict(at: world.now) == .suspect)
        let taken = world.die()
        #expect(taken >= deadly && taken < deadly + 2 * Self.millisecond)
    }

    @Test(
        "a worker with a jittering schedule is trusted while it lives and given up when it dies",
        arguments: 0..<64 as Range<UInt64>)
    func simulatedSchedules(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var world = World()
        let usual = UInt64.random(in: 200_000...4_000_000, using: &random)
        for round in 0..<1500 {
            // One interval in fifty is late by up to a long time slice of another program.
            let late = Int.random(in: 0..<50, using: &random) == 0
            let jitter = UInt64.random(in: 0...(late ? 12_000_000 : usual / 2), using: &random)
            let isTrusted = world.live(usual + jitter)
            #expect(isTrusted, "seed \(seed), interval \(round)")
            if Int.random(in: 0..<300, using: &random) == 0 {
                // The machine stood still, and both with it.
                world.now += UInt64.random(in: 20_000_000...5_000_000_000, using: &random)
                world.detector.observe(world.beat, at: world.now)
                #expect(world.detector.verdict(at: world.now) != .dead, "seed \(seed)")
            }
        }
        let deadly = world.detector.deadlySilenceNanoseconds
        #expect(deadly < 120 * Self.millisecond, "seed \(seed)")
        let taken = world.die()
        #expect(taken <= deadly + 2 * Self.millisecond, "seed \(seed)")
    }

    @Test("the busier the machine the longer the silence that is death, and back again")
    func adapts() {
        var world = World()
        let quiet = world.detector.deadlySilenceNanoseconds
        var random = SplitMix64(seed: 1)
        for _ in 0..<2000 {
            _ = world.live(UInt64.random(in: 1_000_000...40_000_000, using: &random))
        }
        let busy = world.detector.deadlySilenceNanoseconds
        #expect(busy > 3 * quiet)
        for _ in 0..<4000 { _ = world.live(Self.millisecond) }
        #expect(world.detector.deadlySilenceNanoseconds < quiet + Self.millisecond)
    }

    @Test("a pause of the watcher itself is neither silence nor a lesson")
    func ownPause() {
        var world = World()
        for _ in 0..<500 { _ = world.live(Self.millisecond) }
        let before = world.detector.deadlySilenceNanoseconds
        world.now += 3_600_000_000_000
        // Not even when asked before the first look.
        #expect(world.detector.verdict(at: world.now) != .dead)
        world.detector.observe(world.beat, at: world.now)
        #expect(world.detector.verdict(at: world.now) == .alive)
        let isTrusted = world.live(2 * Self.millisecond)
        #expect(isTrusted)
        #expect(world.detector.deadlySilenceNanoseconds == before)
        // Who does not beat after the pause either is given up.
        world.now += 3_600_000_000_000
        let resumed = world.now
        world.detector.observe(world.beat, at: world.now)
        _ = world.die()
        #expect(world.detector.verdict(at: world.now) == .dead)
        #expect(world.now - resumed < before + 2 * Self.millisecond)
    }

    @Test("one long stall does not make the detector blind")
    func oneStall() {
        var world = World()
        for _ in 0..<500 { _ = world.live(Self.millisecond) }
        let before = world.detector.deadlySilenceNanoseconds
        let isTrusted = world.live(10_000_000_000)
        #expect(!isTrusted)
        #expect(world.detector.deadlySilenceNanoseconds < before + 2 * Self.millisecond)
        let isTrustedAgain = world.live(Self.millisecond)
        #expect(isTrustedAgain)
    }

    @Test("beats that nobody saw one by one are learnt as their mean")
    func missedBeats() {
        var world = World(limits: DetectionLimits(deviationFloorNanoseconds: 1))
        for _ in 0..<2000 {
            for _ in 0..<4 {
                world.now += Self.millisecond
                world.strike()
            }
            world.detector.observe(world.beat, at: world.now)
        }
        let deadly = world.detector.deadlySilenceNanoseconds
        #expect(deadly >= Self.millisecond && deadly < Self.millisecond + 1000)
    }

    @Test("who has never beaten is not judged")
    func neverBeaten() {
        var detector = FailureDetector(limits: DetectionLimits(), at: 0)
        for now in 1...10_000 as ClosedRange<UInt64> {
            detector.observe(nil, at: now * Self.millisecond)
        }
        #expect(detector.verdict(at: 10_000 * Self.millisecond) == .alive)
    }

    @Test("a beat whose time has not come yet postpones nothing")
    func futureBeat() {
        var world = World()
        world.now += Self.millisecond
        world.beat = Beat(sequence: 2, nanoseconds: .max)
        world.detector.observe(world.beat, at: world.now)
        let heard = world.now
        while world.detector.verdict(at: world.now) != .dead, world.now < heard + 1_000_000_000 {
            world.now += Self.millisecond
            world.detector.observe(world.beat, at: world.now)
        }
        #expect(world.now - heard < 40 * Self.millisecond)
    }

    @Test("no beat and no clock can trap it", arguments: 0..<32)
    func garbage(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let limits = DetectionLimits(
            beatIntervalNanoseconds: seed % 3 == 0 ? 0 : random.next(),
            falseAlarmsPerDay: seed % 5 == 0 ? 0 : 1e9,
            deviationFloorNanoseconds: seed % 7 == 0 ? 0 : random.next(),
            ownPauseNanoseconds: seed % 2 == 0 ? 0 : random.next())
        var detector = FailureDetector(limits: limits, at: random.next())
        for _ in 0..<500 {
            let beat = Beat(
                sequence: UInt32(truncatingIfNeeded: random.next()), nanoseconds: random.next())
            detector.observe(random.next() % 4 == 0 ? nil : beat, at: random.next())
            _ = detector.verdict(at: random.next())
            #expect(detector.deadlySilenceNanoseconds > 0, "seed \(seed)")
            #expect(!detector.suspicion(at: random.next()).isNaN, "seed \(seed)")
        }
    }

    @Test("the silence that is death follows from the false alarms allowed")
    func falseAlarmTarget() {
        // 86.4 million intervals a day; 1.0e-3, 1.0e-6 and 1.0e-9 of them may be taken for death.
        // The quantiles of the normal distribution are 3.0902, 4.7534 and 5.9978.
        let expected = [(86_400.0, 3.0902), (86.4, 4.7534), (0.0864, 5.9978)]
        for (alarms, quantile) in expected {
            let detector = FailureDetector(
                limits: DetectionLimits(
                    falseAlarmsPerDay: alarms, deviationFloorNanoseconds: 1_000_000_000),
                at: 0)
            let deviations = (Double(detector.deadlySilenceNanoseconds) - 1e6) / 1e9
            #expect(abs(deviations - quantile) < 0.0001)
        }
    }

    @Test("suspicion is the exponent of how rare the silence is")
    func suspicionScale() {
        let limits = DetectionLimits(ownPauseNanoseconds: 1_000_000_000)
        let detector = FailureDetector(limits: limits, at: 0)
        #expect(abs(detector.suspicion(at: 1_000_000) - 0.30103) < 0.0001)
        #expect(abs(detector.suspicion(at: 1_000_000 + 12_360_929) - 3) < 0.0001)
        #expect(detector.suspicion(at: 900_000_000) > 100)
    }
}
