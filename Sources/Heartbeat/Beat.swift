// SPDX-License-Identifier: Apache-2.0

/// One beat, as its reader found it. Times are nanoseconds of the monotonic clock, by its writer.
public struct Beat: Equatable, Sendable {
    /// Moves by two with every beat and wraps at 2^32; odd values never get here.
    public var sequence: UInt32
    /// When it was made.
    public var nanoseconds: UInt64
    /// Until when the worker rests, when that is after the beat; else when its last rest ended,
    /// 0 when it never rested.
    public var quietUntil: UInt64

    /// Takes the parts as they are.
    @inlinable
    public init(sequence: UInt32, nanoseconds: UInt64, quietUntil: UInt64 = 0) {
        self.sequence = sequence
        self.nanoseconds = nanoseconds
        self.quietUntil = quietUntil
    }

    /// Whether this beat announced a rest.
    @inlinable
    public var announcesRest: Bool { quietUntil > nanoseconds }

    /// Beats made after `earlier` up to this one, modulo 2^31.
    @inlinable
    public func count(since earlier: Beat) -> UInt32 {
        // Wraps on purpose: sequences are compared by their distance, never by their value.
        (sequence &- earlier.sequence) / 2
    }
}
