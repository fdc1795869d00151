// SPDX-License-Identifier: Apache-2.0
public import Platform

/// How much of a processor a thread of real-time priority takes before it sleeps.
///
/// While such a thread runs, nothing of normal priority does on its processor: neither the other
/// workers nor the control thread of a domain with one, nor the kernel's own helper threads. Giving
/// way to equals would not help them, so that it sleeps: every few turns it looks at what it used
/// of the time that went by, whatever kept it busy, and rests for what it owes.
public struct ProcessorShare: Sendable {
    /// Turns from one look at the clocks to the next.
    public static let turnsPerLook = 16
    /// The shortest rest: less is lost to falling asleep.
    public static let restMin: UInt64 = 50_000
    /// The longest rest: a thread that was kept busy by something else than packets owes no more.
    public static let restMax: UInt64 = 20_000_000

    /// One part of so many is left to others.
    private let parts: UInt64
    private var turns = 0
    private var last: (wall: Instant, used: UInt64)?

    /// Leaves one part of `parts` to others; at least a half may be used.
    public init(leavingOneOf parts: UInt64) {
        self.parts = max(2, parts)
    }

    /// What a thread of `threadCount` such threads should leave on a machine of `processorCount`.
    public static func suiting(processorCount: Int, threadCount: Int) -> ProcessorShare {
        // Where others find a processor of their own, only the kernel's helpers need this one.
        ProcessorShare(leavingOneOf: processorCount > threadCount ? 16 : 4)
    }

    /// Counts a turn; true when it is time to look at the clocks and call `rest`.
    public mutating func isLookDue() -> Bool {
        turns += 1
        guard turns >= Self.turnsPerLook else { return false }
        turns = 0
        return true
    }

    /// How long to sleep now.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - used: nanoseconds of a processor that the thread has used in its life.
    /// - Returns: nanoseconds, 0 for none.
    public mutating func rest(at now: Instant, used: UInt64) -> UInt64 {
        guard let last else {
            self.last = (now, used)
            return 0
        }
        let wall = now.nanoseconds(since: last.wall)
        let spent = used > last.used ? used - last.used : 0
        // Time used is (parts - 1) of the time that has to go by.
        let due = spent + spent / (parts - 1)
        let rest = due > wall ? min(max(due - wall, Self.restMin), Self.restMax) : 0
        // The rest is paid for this period, not for the next.
        self.last = (Instant(nanoseconds: now.nanoseconds + rest), used)
        return rest
    }
}
