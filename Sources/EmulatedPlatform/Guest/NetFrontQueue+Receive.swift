// SPDX-License-Identifier: Apache-2.0
// Rx: to the guest. The frontend posts empty buffers, the backend fills them in ring order.
internal import Netif
internal import Platform
internal import Ring

extension NetFrontQueue {
    /// Takes the next packet and judges it; false when there is none.
    ///
    /// Its pieces stay where they are until `postBuffers`, which gives their pages away again.
    public mutating func nextPacket(
        _ packet: inout GuestPacket, _ memory: borrowing some GuestMemory & ~Copyable
    ) -> Bool {
        while oracle.broken == nil {
            guard
                let count = oracle.unconsumedResponses(
                    of: receiveRing, on: .rx, seen: &receiveSeen), count > 0
            else { return false }
            var parse = ReceiveParse(available: count)
            collect(&parse, &packet, first: receiveRing.responseConsumer)
            guard endAccess(parse.used, memory) else { return false }
            let isWhole = !parse.isDropped && finish(parse, &packet, memory)
            receiveRing.consumeResponses(parse.used)
            statistics.receiveSlots += UInt64(parse.used)
            if isWhole {
                statistics.receivePackets += 1
                statistics.receiveBytes += UInt64(packet.size)
                return true
            }
            statistics.receiveDropped += 1
        }
        return false
    }

    /// Posts a buffer in every free slot; true when the backend asked to be notified.
    public mutating func postBuffers(_ memory: borrowing some GuestMemory & ~Copyable) -> Bool {
        if oracle.broken != nil { return false }
        while receiveRing.freeRequestCount > 0 {
            let slot = receiveRing.privateRequestProducer.slot(of: ReceiveFormat.slotCount)
            let reference = receiveReference(slot: slot)
            memory.grant(
                reference, page: receivePage(slot: slot), to: configuration.backend,
                readOnly: false)
            receiveRing.stageRequest(
                ReceiveRequest(
                    id: configuration.receiveIDs.id(of: slot), grantReference: reference.rawValue
                ).slot)
        }
        return receiveRing.publishRequests()
    }

    /// Before sleeping: true when there are packets to take after all.
    public mutating func finalCheckForPackets() -> Bool {
        if oracle.broken != nil { return false }
        // A fault is found again, and noted, where the packets are taken.
        return (try? receiveRing.finalCheckForResponses()) ?? true
    }

    private func receivePage(slot: Int) -> Int { configuration.firstPage + 2 + slot }

    /// What is known of a packet while its slots are walked.
    private struct ReceiveParse {
        let available: UInt32
        var used: UInt32 = 0
        var flags: ReceiveFlags = []
        var offload: SegmentationOffload?
        var isDropped = false

        init(available: UInt32) { self.available = available }
    }

    /// Walks one packet's slots, of which there is at least one.
    private mutating func collect(
        _ parse: inout ReceiveParse, _ packet: inout GuestPacket, first: RingIndex
    ) {
        packet.fragments = FrameFragments()
        packet.size = 0
        var response = takeSlot(&parse)
        parse.flags = response.flags
        let slotsMax =
            NetifLimits.slotsPerPacketMax
            + (response.status <= FrontendLimits.copyThreshold ? 1 : 0)
        append(response, &parse, &packet)
        if response.flags.contains(.extraInfo) { collectExtras(&parse) }
        var dataSlots = 1
        while response.flags.contains(.moreData) {
            guard parse.used < parse.available else {
                breach(.receiveChainCut, &parse, value: Int(parse.available))
                break
            }
            response = takeSlot(&parse)
            dataSlots += 1
            if dataSlots <= slotsMax { append(response, &parse, &packet) }
        }
        if dataSlots > slotsMax {
            breach(.receiveTooManySlots, &parse, value: dataSlots, bound: slotsMax)
        }
        if dataSlots > 1, !configuration.features.contains(.scatterGather) {
            breach(.receiveNotNegotiated, &parse, value: dataSlots, bound: 1)
        }
    }

    private mutating func collectExtras(_ parse: inout ReceiveParse) {
        var hasMore = true
        var extraCount = 0
        while hasMore {
            guard parse.used < parse.available else {
                return breach(.receiveExtraCut, &parse, value: Int(parse.available))
            }
            let extra = ExtraInfo(receiveRing.copyResponse(offset: parse.used))
            parse.used += 1
            extraCount += 1
            hasMore = extra.hasMore
            guard extra.type > 0, extra.type < NetifLimits.extraTypeEnd,
                extraCount <= NetifLimits.extrasPerPacketMax
            else {
                breach(
                    .receiveExtraInvalid, &parse, value: Int(extra.type),
                    bound: Int(NetifLimits.extraTypeEnd) - 1)
                continue
            }
            if extra.type == ExtraInfo.segmentationType { noteSegmentation(extra, &parse) }
        }
    }

    private mutating func noteSegmentation(_ extra: ExtraInfo, _ parse: inout ReceiveParse) {
        guard let kind = SegmentationOffload.Kind(rawValue: extra.segmentKind) else {
            return breach(
                .receiveSegmentKindInvalid, &parse, value: Int(extra.segmentKind), bound: 2)
        }
        guard extra.segmentSize > 0 else {
            return breach(.receiveSegmentSizeZero, &parse, value: 0)
        }
        let offload = SegmentationOffload(size: extra.segmentSize, kind: kind)
        if !configuration.features.allow(offload) {
            breach(.receiveNotNegotiated, &parse, value: Int(kind.rawValue))
        }
        if !parse.flags.isSuperset(of: [.checksumBlank, .dataValidated]) {
            breach(.receiveSegmentWithoutChecksum, &parse, value: Int(parse.flags.rawValue))
        }
        parse.offload = offload
    }

    /// Copies the next data slot and looks at its id.
    private mutating func takeSlot(_ parse: inout ReceiveParse) -> ReceiveResponse {
        let response = ReceiveResponse(receiveRing.copyResponse(offset: parse.used))
        let index = receiveRing.responseConsumer.advanced(by: parse.used)
        let expected = configuration.receiveIDs.id(of: index.slot(of: ReceiveFormat.slotCount))
        if response.id != expected {
            oracle.note(
                .receiveIDMismatch, on: .rx, at: index, value: Int(response.id),
                bound: Int(expected))
            parse.isDropped = true
        }
        parse.used += 1
        return response
    }

    /// Adds the bytes of the data slot that was taken last.
    private mutating func append(
        _ response: ReceiveResponse, _ parse: inout ReceiveParse, _ packet: inout GuestPacket
    ) {
        let (offset, count) = (Int(response.offset), Int(response.status))
        guard count >= 0 else { return breach(.receiveErrorStatus, &parse, value: count) }
        guard offset + count <= NetifLimits.pageSize else {
            return breach(
                .receivePageCrossed, &parse, value: offset + count, bound: NetifLimits.pageSize)
        }
        if count == 0 { return }
        let index = receiveRing.responseConsumer.advanced(by: parse.used - 1)
        let page = receivePage(slot: index.slot(of: ReceiveFormat.slotCount))
        packet.fragments.append(
            FrameFragment(offset: page * NetifLimits.pageSize + offset, count: count))
        packet.size += count
    }

    /// Notes a breach that costs the packet.
    private mutating func breach(
        _ rule: FrontendRule, _ parse: inout ReceiveParse, value: Int, bound: Int = 0
    ) {
        let index = receiveRing.responseConsumer.advanced(by: parse.used - 1)
        oracle.note(rule, on: .rx, at: index, value: value, bound: bound)
        parse.isDropped = true
    }

    /// Takes back the grants of the slots of a packet; false when the vif is broken.
    private mutating func endAccess(
        _ count: UInt32, _ memory: borrowing some GuestMemory & ~Copyable
    ) -> Bool {
        for offset in 0..<count {
            let index = receiveRing.responseConsumer.advanced(by: offset)
            let reference = receiveReference(slot: index.slot(of: ReceiveFormat.slotCount))
            guard memory.endAccess(reference) else {
                oracle.note(
                    .receiveGrantInUse, on: .rx, at: index, value: Int(reference.rawValue))
                // The slots before have their grants back: `close` must not end those again.
                receiveRing.consumeResponses(offset)
                return false
            }
        }
        return true
    }

    /// Fills in the header from the frame's own headers; false when the packet is dropped.
    private mutating func finish(
        _ parse: ReceiveParse, _ packet: inout GuestPacket,
        _ memory: borrowing some GuestMemory & ~Copyable
    ) -> Bool {
        var parse = parse
        guard packet.size >= NetifLimits.ethernetHeaderSize else {
            breach(
                .receiveTooShort, &parse, value: packet.size,
                bound: NetifLimits.ethernetHeaderSize)
            return false
        }
        var headers: FrameHeaders?
        if parse.flags.contains(.checksumBlank) || parse.offload != nil {
            headers = readHeaders(packet, memory)
        }
        guard let header = VnetHeader(parse.flags, offload: parse.offload, headers: headers) else {
            breach(.receiveChecksumUnplaceable, &parse, value: packet.size)
            return false
        }
        if let offload = parse.offload, let headers {
            let network: FrameHeaders.Network = offload.kind == .tcpv4 ? .ipv4 : .ipv6
            guard headers.network == network, headers.transport == .tcp else {
                breach(.receiveSegmentKindInvalid, &parse, value: Int(offload.kind.rawValue))
                return false
            }
        }
        if let headers, !configuration.features.contains(headers.checksumFeature) {
            breach(.receiveNotNegotiated, &parse, value: Int(parse.flags.rawValue))
            return false
        }
        packet.header = header
        return true
    }

    /// Gathers the start of a packet and reads its headers.
    private func readHeaders(
        _ packet: GuestPacket, _ memory: borrowing some GuestMemory & ~Copyable
    ) -> FrameHeaders? {
        var gathered = 0
        for position in 0..<packet.fragments.count {
            let fragment = packet.fragments[position]
            let count = min(fragment.count, NetifLimits.headerWindow - gathered)
            let (page, offset) = fragment.offset.quotientAndRemainder(
                dividingBy: NetifLimits.pageSize)
            // SAFETY: `append` saw that the piece lies within its page, which is the guest's; the
            // window checks its own range. The backend no longer has access to the page.
            unsafe window.address(of: gathered, count: count).copyMemory(
                from: memory.address(ofPage: page) + offset, byteCount: count)
            gathered += count
        }
        return FrameHeaders.parse(
            window.bytes(at: 0, count: gathered), frameSize: packet.size)
    }
}

extension FrameHeaders {
    /// What a frontend must have offered to be sent such a packet with a blank checksum.
    fileprivate var checksumFeature: FrontendFeatures {
        network == .ipv6 ? .checksumIPv6 : .checksumIPv4
    }
}

/// Bounds of Linux's netfront.
enum FrontendLimits {
    /// Bytes of a first slot up to which a packet may have one slot more: they are copied.
    static var copyThreshold: Int16 { 256 }
}
