// SPDX-License-Identifier: Apache-2.0

/// A TCP packet larger than the MTU, to be cut by whoever cannot take it whole.
public struct SegmentationOffload: Equatable, Sendable {
    /// Which TCP. The raw values are spelled out because synthesised ones cannot be inlined.
    public enum Kind: Equatable, Sendable {
        /// TCP over IPv4. Corresponds to `XEN_NETIF_GSO_TYPE_TCPV4`.
        case tcpv4
        /// TCP over IPv6. Corresponds to `XEN_NETIF_GSO_TYPE_TCPV6`.
        case tcpv6

        /// The kind that a value on the wire means; nil for an unknown one.
        @inlinable
        public init?(rawValue: UInt8) {
            switch rawValue {
            case 1: self = .tcpv4
            case 2: self = .tcpv6
            default: return nil
            }
        }

        /// The value on the wire.
        @inlinable
        public var rawValue: UInt8 {
            switch self {
            case .tcpv4: 1
            case .tcpv6: 2
            }
        }

        /// Compares; a synthesised comparison cannot be inlined.
        @inlinable
        public static func == (left: Kind, right: Kind) -> Bool {
            left.rawValue == right.rawValue
        }
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
