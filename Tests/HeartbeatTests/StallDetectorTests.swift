// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import TestSupport
import Testing

@Suite("The stall detector")
struct StallDetectorTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let limits = StallLimits()

    @Test("work that is pending without movement for the limit is a stall, as long as it lasts")
    func stall() {
        var now: UInt64 = 7_000_000_000
        var detector = StallDetector(at: now)
        let first = now + 4 * Self.millisecond
        for look in 1...20 as ClosedRange<UInt64> {
            now += 4 * Self.millisecond
            let verdict = detector.look(
                isPending: true, progressMark: .max, at: now, limits: Self.limits)
            #expect(verdict == (look >= 6 ? .stalled(since: first) : .moving))
        }
        // Over the wrap of the index.
        now += 4 * Self.millisecond
        let verdict = detector.look(isPending: true, progressMark: 0, at: now, limits: Self.limits)
        #expect(verdict == .moving)
    }

    @Test("a half that moves with any look, or has nothing pending with any, is never stalled")
    func movement() {
        for period in 1...5 as ClosedRange<UInt32> {
            var moving = StallDetector(at: 0)
            var idling = StallDetector(at: 0)
            for look in 1...10_000 as ClosedRange<UInt32> {
                let now = UInt64(look) * 4 * Self.millisecond
                // The distance to the wrap of the index is passed on the way.
                let mark = (look / period).addingReportingOverflow(.max - 1000).partialValue
                let moved = moving.look(
                    isPending: true, progressMark: mark, at: now, limits: Self.limits)
                #expect(moved == .moving)
                let idled = idling.look(
                    isPending: look % period != 0, progressMark: 9, at: now, limits: Self.limits)
                #expect(idled == .moving)
            }
        }
    }

    @Test("few looks are not enough, however long they took")
    func looksCount() {
        let limits = StallLimits(lookCount: 4, ownPauseNanoseconds: 1_000 * Self.millisecond)
        var detector = StallDetector(at: 0)
        for look in 1...4 as ClosedRange<UInt64> {
            let verdict = detector.look(
                isPending: true, progressMark: 1, at: look * 900 * Self.millisecond,
                limits: limits)
            #expect(verdict == (look == 4 ? .stalled(since: 900 * Self.millisecond) : .moving))
        }
    }

    @Test("a pause of the watcher starts the count again")
    func ownPause() {
        var now: UInt64 = 0
        var detector = StallDetector(at: now)
        for _ in 0..<1000 {
            for _ in 0..<5 {
                now += 4 * Self.millisecond
                let verdict = detector.look(
                    isPending: true, progressMark: 1, at: now, limits: Self.limits)
                #expect(verdict == .moving)
            }
            now += 3_600_000_000_000
            let verdict = detector.look(
                isPending: true, progressMark: 1, at: now, limits: Self.limits)
            #expect(verdict == .moving)
            now += 11 * Self.millisecond
        }
    }

    /// One look of the exhaustive test: a digit of its number.
    private struct Step {
        var isPending: Bool
        var moves: Bool
        var gap: UInt64

        init(digit: Int) {
            isPending = digit & 1 != 0
            moves = digit & 2 != 0
            gap = digit & 4 != 0 ? 11 : 4
        }
    }

    @Test("every history of six looks is judged as its definition says")
    func exhaustive() {
        let limits = StallLimits(
            stallNanoseconds: 8, lookCount: 3, ownPauseNanoseconds: 10)
        var faults: [Int] = []
        for number in 0..<(1 << 18) {
            var detector = StallDetector(at: 100)
            var (now, mark) = (100 as UInt64, UInt32.max - 2)
            var history: [(now: UInt64, mark: UInt32, isPending: Bool, gap: UInt64)] = []
            for position in 0..<6 {
                let step = Step(digit: number >> (3 * position) & 7)
                now += step.gap
                if step.moves { mark = mark.addingReportingOverflow(1).partialValue }
                history.append((now, mark, step.isPending, step.gap))
                let verdict = detector.look(
                    isPending: step.isPending, progressMark: mark, at: now, limits: limits)
                // The longest run of looks up to this one that saw work and no movement, without
                // a pause between two of them.
                var run: [UInt64] = []
                for look in history.reversed() {
                    guard look.isPending, look.mark == mark else { break }
                    run.append(look.now)
                    if look.gap > limits.ownPauseNanoseconds { break }
                }
                let isStalled = run.count >= 3 && now - run[run.count - 1] >= 8
                let expected: StallDetector.Verdict =
                    isStalled ? .stalled(since: run[run.count - 1]) : .moving
                if verdict != expected { faults.append(number) }
            }
        }
        #expect(faults == [])
    }

    @Test("no index and no clock can trap it", arguments: 0..<8 as Range<UInt64>)
    func garbage(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var detector = StallDetector(at: random.next())
        let limits = StallLimits(
            stallNanoseconds: seed % 2 == 0 ? 0 : random.next(), lookCount: UInt32(seed % 3),
            ownPauseNanoseconds: seed % 5 == 0 ? 0 : random.next())
        for _ in 0..<1000 {
            let verdict = detector.look(
                isPending: random.next() % 4 != 0, progressMark: UInt32(random.next() % 2),
                at: random.next(), limits: limits)
            if case .stalled(let since) = verdict { #expect(since > 0, "seed \(seed)") }
        }
    }

    @Test("a thousand halves take a thousand times three words")
    func size() {
        #expect(MemoryLayout<StallDetector>.stride == 24)
    }
}
