// SPDX-License-Identifier: Apache-2.0

/// A free-running ring position that wraps at 2^32. Corresponds to `RING_IDX`.
///
/// The only place of the package with `&+`, `&-` and masking: positions are compared by their
/// distance, never by their value.
public struct RingIndex: Equatable, Sendable, CustomStringConvertible {
    /// The value as it stands in the shared page.
    public var rawValue: UInt32

    /// Wraps a number.
    @inlinable
    public init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Compares the raw values. Written out: the one that the compiler derives is not inlinable.
    @inlinable
    public static func == (left: RingIndex, right: RingIndex) -> Bool {
        left.rawValue == right.rawValue
    }

    /// How many positions lie from `earlier` up to here, modulo 2^32.
    @inlinable
    public func distance(from earlier: RingIndex) -> UInt32 {
        rawValue &- earlier.rawValue
    }

    /// The position `count` further on.
    @inlinable
    public func advanced(by count: UInt32) -> RingIndex {
        RingIndex(rawValue &+ count)
    }

    /// The position right after this one.
    @inlinable
    public var next: RingIndex { advanced(by: 1) }

    /// The slot that this position names in a ring of `slotCount` (a power of two) slots.
    @inlinable
    public func slot(of slotCount: UInt32) -> Int {
        Int(rawValue & (slotCount &- 1))
    }

    /// As an operator reads it in a log.
    public var description: String { "\(rawValue)" }
}
