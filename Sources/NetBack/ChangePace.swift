// SPDX-License-Identifier: Apache-2.0
public import Platform

/// How fast the changes of one frontend's state are looked at.
///
/// Each look may open or close queues, make a TAP, and write to the store. An ordinary frontend
/// changes its state a handful of times in a row and then rests; one that does it in a loop waits
/// its turn, and the states that it passed meanwhile are never seen.
public struct ChangePace: Equatable, Sendable {
    /// Changes in a row that are looked at as they come: several whole reconnects.
    public static let burst: UInt64 = 32
    /// From then on one in this time.
    public static let interval: UInt64 = 250_000_000

    private var credit = ChangePace.burst
    /// Up to when credit has been given.
    private var last: Instant
    /// It has had to wait since it was last at rest.
    private var hasWaited = false

    /// Rested.
    public init(at now: Instant) { last = now }

    /// What to do about a change.
    public enum Answer: Equatable, Sendable {
        /// Look at it now.
        case look
        /// Look then, and not at any change before; `isFirst` when it has rested before.
        case wait(until: Instant, isFirst: Bool)
    }

    /// Asks for a look.
    public mutating func ask(at now: Instant) -> Answer {
        let earned = now.nanoseconds(since: last) / Self.interval
        if earned >= Self.burst - credit {
            credit = Self.burst
            last = max(last, now)
            hasWaited = false
        } else {
            credit += earned
            last = last.advanced(byNanoseconds: earned * Self.interval)
        }
        guard credit == 0 else {
            credit -= 1
            return .look
        }
        let isFirst = !hasWaited
        hasWaited = true
        return .wait(until: last.advanced(byNanoseconds: Self.interval), isFirst: isFirst)
    }
}
