// SPDX-License-Identifier: Apache-2.0
// Tx: from the guest. The frontend writes requests, the backend answers them in any order.
internal import Netif
public import Platform
internal import Ring

extension NetFrontQueue {
    /// True when a frame of any shape can be sent now: Linux stops its queue below this.
    public var hasTransmitRoom: Bool {
        oracle.broken == nil
            && Int(transmitRing.freeRequestCount) > NetifLimits.slotsPerPacketMax + 1
            && slots.freeCount >= NetifLimits.slotsPerPacketMax
    }

    /// The first of `pagesPerFrame` neighbouring guest pages to put a frame into; nil when there
    /// is no room now. They stay free until a frame in them is sent.
    public mutating func transmitPage() -> Int? {
        hasTransmitRoom ? pages.run(of: NetFrontQueue.pagesPerFrame) : nil
    }

    /// Sends one frame that lies at `offset` bytes after the start of guest page `page`.
    public mutating func transmit(
        page: Int, offset: Int = 0, count: Int, header: VnetHeader,
        _ memory: borrowing some GuestMemory & ~Copyable
    ) -> TransmitOutcome {
        var fragments = FrameFragments()
        fragments.append(FrameFragment(offset: page * NetifLimits.pageSize + offset, count: count))
        return transmit(fragments, header: header, memory)
    }

    /// Sends one frame in pieces; offsets in bytes from the start of the guest's page 0. The
    /// backend learns of it with `publishTransmits()`; the pages are its until the answers.
    ///
    /// Refuses what the ring cannot carry and what the backend did not offer to take.
    public mutating func transmit(
        _ fragments: borrowing FrameFragments, header: VnetHeader,
        _ memory: borrowing some GuestMemory & ~Copyable
    ) -> TransmitOutcome {
        var (size, slotCount) = (0, 0)
        for position in 0..<fragments.count {
            let fragment = fragments[position]
            precondition(fragment.offset >= 0 && fragment.count > 0, "an impossible fragment")
            size += fragment.count
            let first = fragment.offset / NetifLimits.pageSize
            slotCount += (fragment.offset + fragment.count - 1) / NetifLimits.pageSize - first + 1
        }
        let extra = SegmentationOffload(header)
        guard hasTransmitRoom, slotCount <= NetifLimits.slotsPerPacketMax,
            size >= NetifLimits.ethernetHeaderSize, size <= NetifLimits.frameSizeMax,
            takes(header, extra: extra, slotCount: slotCount)
        else {
            statistics.transmitRefused += 1
            return .refused
        }
        var flags = TransmitFlags(header)
        if extra != nil { flags.insert(.extraInfo) }
        var left = size
        for position in 0..<fragments.count {
            var (offset, count) = (fragments[position].offset, fragments[position].count)
            while count > 0 {
                let pageOffset = offset % NetifLimits.pageSize
                let piece = min(count, NetifLimits.pageSize - pageOffset)
                let isFirst = left == size
                left -= piece
                if left > 0 { flags.insert(.moreData) } else { flags.remove(.moreData) }
                let id = stage(
                    page: offset / NetifLimits.pageSize, offset: pageOffset,
                    size: isFirst ? size : piece, flags: flags, memory)
                if isFirst, let extra { stageExtra(extra, after: id) }
                flags = []
                offset += piece
                count -= piece
            }
        }
        statistics.transmitPackets += 1
        statistics.transmitBytes += UInt64(size)
        return .sent
    }

    /// Makes everything sent visible; true when the backend asked to be notified.
    public mutating func publishTransmits() -> Bool {
        if oracle.broken != nil { return false }
        slots.publish()
        return transmitRing.publishRequests()
    }

    /// Takes the answers there are, judges them and frees their pages; returns how many.
    @discardableResult
    public mutating func takeTransmitResponses(
        _ memory: borrowing some GuestMemory & ~Copyable
    ) -> Int {
        guard oracle.broken == nil,
            let count = oracle.unconsumedResponses(
                of: transmitRing, on: .tx, seen: &transmitSeen)
        else { return 0 }
        var nullsDue = 0
        for offset in 0..<count {
            let response = TransmitResponse(transmitRing.copyResponse(offset: offset))
            let index = transmitRing.responseConsumer.advanced(by: offset)
            if response.status == ResponseStatus.null {
                takeNull(at: index, due: &nullsDue)
                continue
            }
            if nullsDue > 0 { noteLateNulls(&nullsDue, at: index) }
            guard let extras = takeAnswer(response, at: index, memory) else { return Int(offset) }
            let early = min(extras, extrasEarly)
            extrasEarly -= early
            nullsDue = extras - early
        }
        let end = transmitRing.responseConsumer.advanced(by: count)
        if nullsDue > 0 { noteLateNulls(&nullsDue, at: end) }
        transmitRing.consumeResponses(count)
        return Int(count)
    }

    /// Before sleeping: true when there are answers to take after all.
    public mutating func finalCheckForTransmitResponses() -> Bool {
        if oracle.broken != nil { return false }
        // A fault is found again, and noted, where the answers are taken.
        return (try? transmitRing.finalCheckForResponses()) ?? true
    }

    /// Whether the backend takes such a packet.
    private func takes(_ header: VnetHeader, extra: SegmentationOffload?, slotCount: Int) -> Bool {
        let offer = configuration.offer
        if slotCount > 1, !offer.contains(.scatterGather) { return false }
        if header.flags & VnetHeader.needsChecksum != 0,
            offer.isDisjoint(with: [.checksumIPv4, .checksumIPv6])
        {
            return false
        }
        guard let extra else { return header.gsoType == 0 }
        // Linux segments nothing whose checksum is complete.
        return offer.allow(extra) && header.flags & VnetHeader.needsChecksum != 0
    }

    private mutating func stage(
        page: Int, offset: Int, size: Int, flags: TransmitFlags,
        _ memory: borrowing some GuestMemory & ~Copyable
    ) -> UInt16 {
        let id = slots.take(page: page)
        let reference = transmitReference(id: id)
        memory.grant(reference, page: page, to: configuration.backend, readOnly: true)
        pages.setBusy(true, page: page)
        transmitRing.stageRequest(
            TransmitRequest(
                grantReference: reference.rawValue, offset: UInt16(offset), flags: flags, id: id,
                size: UInt16(size)
            ).slot)
        statistics.transmitSlots += 1
        return id
    }

    private mutating func stageExtra(_ extra: SegmentationOffload, after id: UInt16) {
        slots.noteExtra(after: id)
        extrasOutstanding += 1
        transmitRing.stageRequest(ExtraInfo(segmentation: extra).slot)
        statistics.transmitSlots += 1
    }

    private mutating func takeNull(at index: RingIndex, due: inout Int) {
        statistics.transmitAnsweredNull += 1
        guard extrasOutstanding > 0 else {
            let null = Int(ResponseStatus.null)
            return oracle.note(.transmitNullOnData, on: .tx, at: index, value: null)
        }
        extrasOutstanding -= 1
        if due > 0 {
            due -= 1
        } else if extrasLate > 0 {
            extrasLate -= 1
        } else {
            // It comes before its packet's first answer.
            extrasEarly += 1
            oracle.note(.transmitNullNotAdjacent, on: .tx, at: index, value: 1)
        }
    }

    private mutating func noteLateNulls(_ due: inout Int, at index: RingIndex) {
        oracle.note(.transmitNullNotAdjacent, on: .tx, at: index, value: due)
        extrasLate += due
        due = 0
    }

    /// Frees what was answered and returns how many extra infos followed it; nil when the vif is
    /// broken.
    private mutating func takeAnswer(
        _ response: TransmitResponse, at index: RingIndex,
        _ memory: borrowing some GuestMemory & ~Copyable
    ) -> Int? {
        let id = response.id
        guard Int(id) < TransmitSlots.count else {
            oracle.note(
                .transmitIDOutOfRange, on: .tx, at: index, value: Int(id),
                bound: TransmitSlots.count - 1)
            return nil
        }
        switch slots.state(of: id) {
        case .pending: break
        case .answered:
            oracle.note(.transmitIDAnsweredTwice, on: .tx, at: index, value: Int(id))
            return nil
        case .neverSent, .staged:
            oracle.note(.transmitIDNotPending, on: .tx, at: index, value: Int(id))
            return nil
        }
        let reference = transmitReference(id: id)
        guard memory.endAccess(reference) else {
            oracle.note(
                .transmitGrantInUse, on: .tx, at: index, value: Int(reference.rawValue))
            return nil
        }
        switch response.status {
        case ResponseStatus.okay: statistics.transmitAnsweredOkay += 1
        case ResponseStatus.dropped: statistics.transmitAnsweredDropped += 1
        default: statistics.transmitAnsweredError += 1
        }
        let (page, extras) = slots.answer(id)
        pages.setBusy(false, page: page)
        return extras
    }
}
