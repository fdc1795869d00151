// SPDX-License-Identifier: Apache-2.0

/// What went through a port as its host counts it, for whoever takes over from a user of the port
/// that died between a call and its own note of it. All counts are modulo 2^32.
///
/// A count is final once the call it belongs to has returned, or its caller is dead and gone.
public struct PortTraffic: Equatable, Sendable {
    /// Frames that the host took from us; a refused one is not counted. Corresponds to
    /// `rx_packets` of the link.
    public var framesTaken: UInt32
    /// Frames that readers were given. Corresponds to `tx_packets` of the link.
    public var framesGiven: UInt32
    /// Their bytes, without vnet headers. Corresponds to `tx_bytes` of the link.
    public var bytesGiven: UInt32

    /// Takes the parts as they are.
    public init(framesTaken: UInt32, framesGiven: UInt32, bytesGiven: UInt32) {
        self.framesTaken = framesTaken
        self.framesGiven = framesGiven
        self.bytesGiven = bytesGiven
    }
}
