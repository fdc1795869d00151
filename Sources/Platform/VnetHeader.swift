// SPDX-License-Identifier: Apache-2.0

/// What travels with a frame through a packet port: checksum and segmentation left to do.
///
/// Corresponds to `struct virtio_net_hdr_v1` (linux/virtio_net.h): 12 bytes, little endian.
public struct VnetHeader: Equatable, Sendable {
    /// Bit 0 `NEEDS_CSUM`, bit 1 `DATA_VALID`.
    public var flags: UInt8
    /// 0 none, 1 TCPv4, 4 TCPv6; bit 7 ECN.
    public var gsoType: UInt8
    /// Bytes of headers, Ethernet up to TCP.
    public var headerLength: UInt16
    /// Payload bytes of each segment.
    public var gsoSize: UInt16
    /// Where summing starts, in bytes from the start of the frame.
    public var checksumStart: UInt16
    /// Where the sum goes, in bytes from `checksumStart`.
    public var checksumOffset: UInt16

    /// Takes the parts as they are.
    /// Nothing left to do.
    @inlinable
    public init() {
        flags = 0
        gsoType = 0
        headerLength = 0
        gsoSize = 0
        checksumStart = 0
        checksumOffset = 0
    }

    /// Size on the wire in bytes, `num_buffers` included.
    @inlinable public static var size: Int { 12 }
    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM`.
    @inlinable public static var needsChecksum: UInt8 { 1 }
    /// `VIRTIO_NET_HDR_F_DATA_VALID`.
    @inlinable public static var dataValid: UInt8 { 2 }
    /// `VIRTIO_NET_HDR_GSO_TCPV4`.
    @inlinable public static var gsoTCPv4: UInt8 { 1 }
    /// `VIRTIO_NET_HDR_GSO_TCPV6`.
    @inlinable public static var gsoTCPv6: UInt8 { 4 }
}
