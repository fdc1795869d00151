// SPDX-License-Identifier: Apache-2.0
// Tx is the guest's direction: the frontend writes the requests read here.
public import Ring
public import SharedMemory

/// Slots to one packet, or to a fault that still names every slot to answer.
///
/// The rules and their order are those of Linux's netback: what it forwards is forwarded, what it
/// answers is answered, what it calls fatal closes the vif. Slots are copied once, in order, and
/// judged by the copy; nothing the guest writes makes this trap or read more than
/// `slotsPerPacketFatal` data slots and `extrasPerPacketMax` extra infos.
public enum PacketAssembler {
    /// Caller: backend. Reads the packet that starts `offset` requests after the consumer and
    /// consumes nothing.
    ///
    /// `available` counts from the consumer, as `unconsumedRequestCount()` returns it, and is more
    /// than `offset`. The next packet starts `packet.slotCount` further on. After `.answer` the
    /// packet has slots to answer and no pieces; after `.close` it means nothing.
    @inlinable
    public static func assemble<Words: SharedWords>(
        from ring: borrowing BackRing<Words, TransmitFormat>, available: UInt32,
        at offset: UInt32, into packet: inout TransmitPacket
    ) -> AssemblyOutcome {
        precondition(offset < available, "a packet past the published requests")
        packet.reset()
        let first = TransmitRequest(ring.copyRequest(offset: offset))
        packet.slotCount = 1
        packet.flags = first.flags
        packet.size = Int(first.size)
        packet.ids[0] = first.id

        var segmentation: ExtraInfo?
        var multicast: UInt8?
        if first.flags.contains(.extraInfo) {
            var hasMore = true
            while hasMore {
                guard UInt32(packet.slotCount) < available - offset else {
                    return .close(.extraChainCut(available: available - offset))
                }
                guard packet.extraCount < NetifLimits.extrasPerPacketMax else {
                    return .close(.extraChainTooLong)
                }
                let extra = ExtraInfo(
                    ring.copyRequest(offset: offset + UInt32(packet.slotCount)))
                packet.slotCount += 1
                packet.extraCount += 1
                switch extra.type {
                // Of two descriptions the last counts, as it does in Linux.
                case ExtraInfo.segmentationType: segmentation = extra
                case ExtraInfo.multicastAddType, ExtraInfo.multicastDeleteType:
                    multicast = multicast ?? extra.type
                // The guest's flow hash would only steer the host's queues.
                case ExtraInfo.hashType: break
                default: return .close(.extraTypeUnknown(extra.type))
                }
                hasMore = extra.hasMore
            }
        }
        // Such a request carries no packet: fragments that it announces are not its own.
        if let multicast { return .answer(.multicastNotOffered(type: multicast)) }

        let outcome = gatherPieces(
            after: first, from: ring, available: available, at: offset, into: &packet)
        guard case .forward = outcome, let segmentation else { return outcome }
        return judge(segmentation, into: &packet)
    }

    /// Reads the data slots after the first and its extras, then settles the first piece, whose
    /// true size is what the others leave over.
    @inlinable
    static func gatherPieces<Words: SharedWords>(
        after first: TransmitRequest, from ring: borrowing BackRing<Words, TransmitFormat>,
        available: UInt32, at offset: UInt32, into packet: inout TransmitPacket
    ) -> AssemblyOutcome {
        // Once set, the rest is read only to find the packet's end and what is fatal.
        var fault: NetifFault?
        var remaining = Int(first.size)
        var dataCount = 1
        // The place of the first piece; its size is known last.
        var pieceCount = 1
        var hasMore = first.flags.contains(.moreData)
        while hasMore {
            guard UInt32(packet.slotCount) < available - offset else {
                return .close(.dataChainCut(available: available - offset))
            }
            guard dataCount + 1 < NetifLimits.slotsPerPacketFatal else {
                return .close(.slotCountFatal)
            }
            let request = TransmitRequest(
                ring.copyRequest(offset: offset + UInt32(packet.slotCount)))
            let slot = packet.slotCount
            packet.ids[dataCount] = request.id
            packet.slotCount += 1
            dataCount += 1
            let size = Int(request.size)
            guard Int(request.offset) + size <= NetifLimits.pageSize else {
                return .close(.pageCrossed(slot: slot, offset: request.offset, size: size))
            }
            if case .some = fault {
                // Dropped already.
            } else if dataCount > NetifLimits.slotsPerPacketMax {
                fault = .slotCountOverLimit(dataCount)
            } else if size > remaining {
                // Mostly a frame of 64 KiB or more, whose size did not fit in 16 bits.
                fault = .sizesDoNotAddUp(claimed: request.size, remaining: remaining)
            } else if size > 0 {
                remaining -= size
                packet.pieces[pieceCount] = TransmitPiece(
                    grantReference: request.grantReference, pageOffset: request.offset,
                    size: request.size, slot: UInt16(slot))
                pieceCount += 1
            }
            hasMore = request.flags.contains(.moreData)
        }
        if let fault { return .answer(fault) }
        guard remaining >= NetifLimits.ethernetHeaderSize else {
            return .answer(.firstPieceTooShort(size: remaining))
        }
        guard Int(first.offset) + remaining <= NetifLimits.pageSize else {
            return .close(.pageCrossed(slot: 0, offset: first.offset, size: remaining))
        }
        packet.pieces[0] = TransmitPiece(
            grantReference: first.grantReference, pageOffset: first.offset,
            size: UInt16(remaining), slot: 0)
        packet.pieceCount = pieceCount
        return .forward
    }

    /// Accepts or refuses what the guest says about a large packet.
    @inlinable
    static func judge(
        _ extra: ExtraInfo, into packet: inout TransmitPacket
    ) -> AssemblyOutcome {
        guard let kind = SegmentationOffload.Kind(rawValue: extra.segmentKind) else {
            packet.pieceCount = 0
            return .close(.segmentKindUnknown(extra.segmentKind))
        }
        guard extra.segmentSize > 0 else {
            packet.pieceCount = 0
            return .close(.segmentSizeZero)
        }
        packet.offload = SegmentationOffload(size: extra.segmentSize, kind: kind)
        return .forward
    }
}
