// SPDX-License-Identifier: Apache-2.0

/// A TCP packet larger than the MTU, to be cut by whoever cannot take it whole.
public struct SegmentationOffload: Equatable, Sendable {
    /// Which TCP. Raw values are those of the wire.
    public enum Kind: UInt8, Sendable {
        /// TCP over IPv4. Corresponds to `XEN_NETIF_GSO_TYPE_TCPV4`.
        case tcpv4 = 1
        /// TCP over IPv6. Corresponds to `XEN_NETIF_GSO_TYPE_TCPV6`.
        case tcpv6 = 2
    }

    /// Payload bytes of each segment (the path's MSS).
    public var size: UInt16
    /// Which TCP.
    public var kind: Kind

    /// Compares part by part. Written out: the one that the compiler derives is not inlinable.
    @inlinable
    public static func == (left: SegmentationOffload, right: SegmentationOffload) -> Bool {
        left.size == right.size && left.kind == right.kind
    }

    /// Takes the parts as they are.
    @inlinable
    public init(size: UInt16, kind: Kind) {
        self.size = size
        self.kind = kind
    }
}
