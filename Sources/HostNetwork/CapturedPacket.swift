// SPDX-License-Identifier: Apache-2.0
public import Platform

/// A frame as it passed a guest's port. Valid while the closure that was given it runs.
public struct CapturedPacket: ~Escapable {
    /// Which way a frame went. Tx and Rx are the guest's.
    public enum Direction: Equatable, Sendable {
        /// From the guest to the host.
        case tx
        /// From the host to the guest.
        case rx
    }

    /// When the kernel saw it, in nanoseconds since 1970.
    public let timestamp: UInt64
    /// Which way it went.
    public let direction: Direction
    /// Bytes of the whole frame, of which `bytes` may be the first ones.
    public let originalLength: Int
    /// What was left to do on it: a checksum, segmentation. `checksumStart` of a frame with a VLAN
    /// tag counts the tag on some kernels and not on others.
    public let header: VnetHeader
    /// The frame from its Ethernet header on, VLAN tag included, at most a snap length of it.
    public let bytes: Span<UInt8>

    /// Takes the parts as they are.
    @_lifetime(copy bytes)
    init(
        timestamp: UInt64, direction: Direction, originalLength: Int, header: VnetHeader,
        bytes: Span<UInt8>
    ) {
        self.timestamp = timestamp
        self.direction = direction
        self.originalLength = originalLength
        self.header = header
        self.bytes = bytes
    }
}
