// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import DriverDomain

@Suite("When the control thread wakes")
struct DeadlineTests {
    private static let now = Instant(nanoseconds: 5_000_000_000)

    @Test(
        "it sleeps until the deadline by the clock, rounded up, and never after it",
        arguments: [
            (5_000_000_000, 0), (4_000_000_000, 0), (0, 0), (5_000_000_001, 1),
            (5_001_000_000, 1), (5_001_000_001, 2), (15_000_000_000, 10_000),
            (UInt64.max, Int32.max),
        ])
    func timeout(end: UInt64, milliseconds: Int32) {
        #expect(
            Int32.milliseconds(until: Instant(nanoseconds: end), from: Self.now) == milliseconds)
    }

    @Test("without a deadline it sleeps until something happens")
    func noDeadline() {
        #expect(Int32.milliseconds(until: nil, from: Self.now) == -1)
    }

    @Test("what happens meanwhile leaves the deadline where it is")
    func interruptions() {
        let end = Self.now.advanced(byNanoseconds: 10_000_000_000)
        var now = Self.now
        var waits = 0
        // Something wakes the thread each time before its timeout is over.
        while now < end {
            let wait = Int32.milliseconds(until: end, from: now)
            #expect(wait > 0)
            now = now.advanced(byNanoseconds: UInt64(max(1, wait / 2)) * 1_000_000)
            waits += 1
        }
        #expect(waits > 5)
        #expect(Int32.milliseconds(until: end, from: now) == 0)
    }

    @Test("pauses between attempts double from a tenth of a second up to five seconds")
    func pauses() {
        var pause = RetryPause()
        let milliseconds = (0..<9).map { _ in pause.next() / 1_000_000 }
        #expect(milliseconds == [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
    }

    @Test("the end of time is not passed")
    func endOfTime() {
        #expect(Instant(nanoseconds: .max - 1).advanced(byNanoseconds: 2).nanoseconds == .max)
    }
}
