// SPDX-License-Identifier: Apache-2.0

/// A link's counters, as `ip -s link show NAME` prints them. Received and transmitted are the
/// link's own view: what a TAP's reader takes was transmitted by the link.
public struct LinkStatistics: Equatable, Sendable {
    /// Frames that came in through the link.
    public var receivedPackets: UInt64
    /// Bytes that came in through the link.
    public var receivedBytes: UInt64
    /// Frames that came in and were dropped.
    public var receivedDropped: UInt64
    /// Frames that came in broken.
    public var receivedErrors: UInt64
    /// Frames that left through the link.
    public var transmittedPackets: UInt64
    /// Bytes that left through the link.
    public var transmittedBytes: UInt64
    /// Frames dropped before they left; for a TAP, those its reader was too slow for.
    public var transmittedDropped: UInt64
    /// Frames that failed to leave.
    public var transmittedErrors: UInt64
}
