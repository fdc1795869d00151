// SPDX-License-Identifier: Apache-2.0
public import Ring

/// A slot with a packet's metadata instead of data. Corresponds to `struct netif_extra_info`.
///
/// The typed accessors read the payload as that type's; which one applies says `type`.
public struct ExtraInfo: Equatable, Sendable {
    /// Bytes 0 to 3: type, flags and the first two payload bytes.
    public var word0: UInt32
    /// Bytes 4 to 7: the other four payload bytes.
    public var word1: UInt32

    /// Decodes a slot; the padding of a transmit slot is ignored.
    @inlinable
    public init(_ slot: SlotWords) {
        word0 = slot.word0
        word1 = slot.word1
    }

    /// Composes any extra info, a wrong one included.
    @inlinable
    public init(type: UInt8, hasMore: Bool, payload0: UInt16 = 0, payload1: UInt32 = 0) {
        word0 = UInt32(type) | (hasMore ? 0x100 : 0) | UInt32(payload0) << 16
        word1 = payload1
    }

    /// Describes a large packet, features zero.
    @inlinable
    public init(segmentation: SegmentationOffload, hasMore: Bool = false) {
        self.init(
            type: ExtraInfo.segmentationType, hasMore: hasMore, payload0: segmentation.size,
            payload1: UInt32(segmentation.kind.rawValue))
    }

    /// The extra info as words of a slot.
    @inlinable
    public var slot: SlotWords { SlotWords(word0, word1) }

    /// `type`: not necessarily a known one.
    @inlinable
    public var type: UInt8 { UInt8(truncatingIfNeeded: word0) }

    /// `XEN_NETIF_EXTRA_FLAG_MORE`: another extra info follows.
    @inlinable
    public var hasMore: Bool { word0 & 0x100 != 0 }

    /// `XEN_NETIF_EXTRA_TYPE_GSO`.
    @inlinable public static var segmentationType: UInt8 { 1 }
    /// `XEN_NETIF_EXTRA_TYPE_MCAST_ADD`.
    @inlinable public static var multicastAddType: UInt8 { 2 }
    /// `XEN_NETIF_EXTRA_TYPE_MCAST_DEL`.
    @inlinable public static var multicastDeleteType: UInt8 { 3 }
    /// `XEN_NETIF_EXTRA_TYPE_HASH`.
    @inlinable public static var hashType: UInt8 { 4 }
    /// Known to Linux only, and only towards the guest.
    @inlinable public static var xdpType: UInt8 { 5 }

    /// `u.gso.size`: payload bytes of each segment.
    @inlinable
    public var segmentSize: UInt16 { UInt16(truncatingIfNeeded: word0 >> 16) }

    /// `u.gso.type`: not necessarily a known one.
    @inlinable
    public var segmentKind: UInt8 { UInt8(truncatingIfNeeded: word1) }

    /// `u.gso.features`: no bit is defined.
    @inlinable
    public var segmentFeatures: UInt16 { UInt16(truncatingIfNeeded: word1 >> 16) }

    /// `u.mcast.addr`, the first byte on the wire in bits 40 to 47.
    @inlinable
    public var multicastAddress: UInt64 {
        UInt64(UInt16(truncatingIfNeeded: word0 >> 16).byteSwapped) << 32
            | UInt64(word1.byteSwapped)
    }

    /// `u.hash.type`.
    @inlinable
    public var hashKind: UInt8 { UInt8(truncatingIfNeeded: word0 >> 16) }

    /// `u.hash.algorithm`.
    @inlinable
    public var hashAlgorithm: UInt8 { UInt8(truncatingIfNeeded: word0 >> 24) }

    /// `u.hash.value`, least significant byte first on the wire.
    @inlinable
    public var hashValue: UInt32 { word1 }

    /// `u.xdp.headroom` in bytes (Linux only).
    @inlinable
    public var xdpHeadroom: UInt16 { UInt16(truncatingIfNeeded: word0 >> 16) }
}
