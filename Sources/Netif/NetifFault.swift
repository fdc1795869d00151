// SPDX-License-Identifier: Apache-2.0

/// What a frontend can do wrong to a packet.
public enum NetifFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The packet announces an extra info in a slot that is not published.
    case extraChainCut(available: UInt32)
    /// More extra infos than there are types.
    case extraChainTooLong
    /// An extra info of a type that netif.h does not know.
    case extraTypeUnknown(UInt8)
    /// The packet announces more data in a slot that is not published.
    case dataChainCut(available: UInt32)
    /// Slots enough to be taken for an attack.
    case slotCountFatal
    /// More slots than are supported, but few enough for a mistake.
    case slotCountOverLimit(Int)
    /// Later pieces claim more bytes than the whole packet has.
    case sizesDoNotAddUp(claimed: UInt16, remaining: Int)
    /// A piece runs over the end of its page.
    case pageCrossed(slot: Int, offset: UInt16, size: Int)
    /// The first piece has not even an Ethernet header.
    case firstPieceTooShort(size: Int)
    /// A large packet that is to be cut into segments of nothing.
    case segmentSizeZero
    /// A large packet of an unknown protocol.
    case segmentKindUnknown(UInt8)
    /// A change to the multicast filter, which is not offered.
    case multicastNotOffered(type: UInt8)

    /// True when the vif must be disabled; false when the packet is answered with errors.
    @inlinable
    public var isFatal: Bool {
        switch self {
        case .extraChainCut, .extraChainTooLong, .extraTypeUnknown, .dataChainCut,
            .slotCountFatal, .pageCrossed, .segmentSizeZero, .segmentKindUnknown:
            true
        case .slotCountOverLimit, .sizesDoNotAddUp, .firstPieceTooShort, .multicastNotOffered:
            false
        }
    }

    /// As an operator reads it in a log: the value claimed and the bound it breaks.
    public var description: String {
        switch self {
        case .extraChainCut(let available):
            "extra infos run past the \(available) published requests"
        case .extraChainTooLong:
            "more than \(NetifLimits.extrasPerPacketMax) extra infos in one packet"
        case .extraTypeUnknown(let type):
            "extra info of type \(type), known are 1 to \(NetifLimits.extraTypeEnd - 1)"
        case .dataChainCut(let available):
            "more_data runs past the \(available) published requests"
        case .slotCountFatal:
            "a packet of \(NetifLimits.slotsPerPacketFatal) or more data slots, "
                + "at most \(NetifLimits.slotsPerPacketMax) are allowed"
        case .slotCountOverLimit(let count):
            "a packet of \(count) data slots, "
                + "at most \(NetifLimits.slotsPerPacketMax) are allowed"
        case .sizesDoNotAddUp(let claimed, let remaining):
            "a piece of \(claimed) bytes in a packet with \(remaining) bytes left"
        case .pageCrossed(let slot, let offset, let size):
            "slot \(slot): \(size) bytes at offset \(offset) "
                + "cross the end of a page of \(NetifLimits.pageSize)"
        case .firstPieceTooShort(let size):
            "first piece of \(size) bytes, "
                + "an Ethernet header has \(NetifLimits.ethernetHeaderSize)"
        case .segmentSizeZero:
            "segmentation into segments of 0 bytes"
        case .segmentKindUnknown(let kind):
            "segmentation of type \(kind), known are 1 (TCPv4) and 2 (TCPv6)"
        case .multicastNotOffered(let type):
            "extra info of type \(type) (multicast), which is not offered"
        }
    }
}
