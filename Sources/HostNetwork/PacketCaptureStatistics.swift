// SPDX-License-Identifier: Apache-2.0

/// What the kernel counted since a capture began.
public struct PacketCaptureStatistics: Equatable, Sendable {
    /// Frames that passed, those that were dropped included.
    public var seen: UInt64 = 0
    /// Frames of which there is no record: the buffer was full, or the kernel had no vnet header
    /// for their kind of segmentation.
    public var dropped: UInt64 = 0

    /// Nothing yet.
    public init() {}
}
