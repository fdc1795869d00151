// SPDX-License-Identifier: Apache-2.0

/// A moment of the monotonic clock, in nanoseconds. The shell takes one per turn and passes it in.
public struct Instant: Comparable, Hashable, Sendable {
    /// Nanoseconds since boot.
    public var nanoseconds: UInt64

    /// Takes the parts as they are.
    @inlinable
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Earlier before later.
    @inlinable
    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// This much later; the end of time where there is no such moment.
    @inlinable
    public func advanced(byNanoseconds count: UInt64) -> Instant {
        let (sum, isOver) = nanoseconds.addingReportingOverflow(count)
        return Instant(nanoseconds: isOver ? .max : sum)
    }

    /// Nanoseconds from `earlier` up to here; 0 if `earlier` is later.
    @inlinable
    public func nanoseconds(since earlier: Instant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }
}
