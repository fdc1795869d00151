// SPDX-License-Identifier: Apache-2.0

/// What went through one queue of a frontend, in plain counters.
public struct FrontendStatistics: Equatable, Sendable {
    /// Packets from the guest, staged or published.
    public var transmitPackets: UInt64 = 0
    /// Their bytes.
    public var transmitBytes: UInt64 = 0
    /// Their slots, extra infos included.
    public var transmitSlots: UInt64 = 0
    /// Frames that could not be sent: too long, too many pieces, an offload that was not offered.
    public var transmitRefused: UInt64 = 0
    /// Tx responses with status OKAY.
    public var transmitAnsweredOkay: UInt64 = 0
    /// Tx responses with status ERROR, or any other.
    public var transmitAnsweredError: UInt64 = 0
    /// Tx responses with status DROPPED.
    public var transmitAnsweredDropped: UInt64 = 0
    /// Tx responses for extra infos.
    public var transmitAnsweredNull: UInt64 = 0
    /// Packets to the guest that were handed out.
    public var receivePackets: UInt64 = 0
    /// Their bytes.
    public var receiveBytes: UInt64 = 0
    /// Rx slots taken, those of dropped packets included.
    public var receiveSlots: UInt64 = 0
    /// Packets to the guest that broke a rule and were dropped.
    public var receiveDropped: UInt64 = 0

    /// Starts at zero.
    public init() {}
}
