// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import SharedMemory
import Testing

/// What the emulated frontend sends.
@Suite struct GuestTestsTransmit {
    private func offloadHeader(
        flags: UInt8 = VnetHeader.needsChecksum, gsoType: UInt8 = 0, gsoSize: UInt16 = 0
    ) -> VnetHeader {
        var header = VnetHeader()
        header.flags = flags
        header.gsoType = gsoType
        header.gsoSize = gsoSize
        return header
    }

    @Test("a frame within a page takes one slot, read-only for the backend")
    func oneSlot() throws {
        let bench = try GuestBench()
        let frame = [UInt8](0..<200)
        #expect(bench.send(frame, offset: 300) == .sent)
        let slots = try bench.takeRequests()
        #expect(slots.count == 1)
        let request = TransmitRequest(slots[0])
        #expect(request.size == 200 && request.offset == 300 && request.flags == [])
        #expect(bench.guest.offset(of: request.grantReference, toWrite: true) == nil)
        let base = try #require(bench.guest.offset(of: request.grantReference, toWrite: false))
        #expect(bench.guest.bytes(at: base + 300, count: 200) == frame)
    }

    @Test("ids are not slot numbers, and none is used twice at a time")
    func ids() throws {
        let bench = try GuestBench(start: 0)
        var seen: Set<UInt16> = []
        while bench.send([UInt8](repeating: 1, count: 60)) == .sent {
            let position = bench.tx.requestConsumer.slot(of: 256)
            let request = TransmitRequest(try bench.takeRequests()[0])
            #expect(Int(request.id) != position)
            #expect(seen.insert(request.id).inserted)
        }
        // Linux stops its queue while the largest packet would not fit.
        #expect(seen.count == 256 - 19)
        #expect(!bench.hasTransmitRoom)
        bench.answer(seen.sorted().map { TransmitResponse(id: $0, status: 0) })
        #expect(bench.queue.outstandingTransmits == 0)
        #expect(bench.hasTransmitRoom)
        #expect(bench.queue.statistics.transmitAnsweredOkay == 237)
    }

    @Test("a large packet has its whole size first, then its extra, then its pieces")
    func largePacket() throws {
        let bench = try GuestBench()
        let header = offloadHeader(gsoType: VnetHeader.gsoTCPv6 | 0x80, gsoSize: 1400)
        let frame = GuestFrame.tcpv6(payload: 8000)
        #expect(bench.send(frame, offset: 4000, header: header) == .sent)
        let slots = try bench.takeRequests()
        #expect(slots.count == 4)
        let pieces = [slots[0], slots[2], slots[3]].map { TransmitRequest($0) }
        #expect(pieces[0].flags == [.checksumBlank, .dataValidated, .extraInfo, .moreData])
        #expect(pieces[1].flags == [.moreData] && pieces[2].flags == [])
        #expect(Int(pieces[0].size) == frame.count)
        #expect(pieces[1].size == 4096 && Int(pieces[2].size) == frame.count - 96 - 4096)
        #expect(pieces.map(\.offset) == [4000, 0, 0])
        let extra = ExtraInfo(slots[1])
        #expect(extra.type == ExtraInfo.segmentationType && !extra.hasMore)
        #expect(extra.segmentSize == 1400 && extra.segmentKind == 2)
        #expect(Set(pieces.map(\.id)).count == 3)
    }

    @Test("checksum state becomes flags")
    func flags() throws {
        let cases: [(UInt8, TransmitFlags)] = [
            (0, []), (VnetHeader.dataValid, .dataValidated),
            (VnetHeader.needsChecksum, [.checksumBlank, .dataValidated]),
        ]
        for (flags, expected) in cases {
            let bench = try GuestBench()
            let frame = GuestFrame.tcpv4(payload: 20)
            #expect(bench.send(frame, header: offloadHeader(flags: flags)) == .sent)
            #expect(TransmitRequest(try bench.takeRequests()[0]).flags == expected)
        }
    }

    @Test("what the backend does not offer to take is refused and sends no slot")
    func refusals() throws {
        let large = offloadHeader(gsoType: VnetHeader.gsoTCPv4, gsoSize: 1448)
        let complete = offloadHeader(flags: 0, gsoType: VnetHeader.gsoTCPv4, gsoSize: 1448)
        let udp = offloadHeader(gsoType: 5, gsoSize: 1448)
        let cases: [(FrontendFeatures, VnetHeader, Int)] = [
            ([.checksumIPv4], VnetHeader(), 5000), ([.scatterGather], offloadHeader(), 100),
            ([.scatterGather, .checksumIPv4], large, 5000),
            (GuestBench.allFeatures, complete, 5000), (GuestBench.allFeatures, udp, 5000),
            (GuestBench.allFeatures, VnetHeader(), 13),
            (GuestBench.allFeatures, VnetHeader(), 65_536),
        ]
        for (offer, header, size) in cases {
            let bench = try GuestBench(offer: offer)
            let frame = [UInt8](repeating: 1, count: size)
            #expect(bench.send(frame, header: header) == .refused)
            #expect(try bench.takeRequests().isEmpty)
            #expect(bench.queue.statistics.transmitRefused == 1)
            #expect(bench.send([UInt8](repeating: 1, count: 14)) == .sent)
        }
    }

    @Test("a packet of 18 pieces is sent, one of 19 is not")
    func mostPieces() throws {
        for (count, outcome) in [(18, TransmitOutcome.sent), (19, .refused)] {
            let bench = try GuestBench()
            var fragments = FrameFragments()
            let page = try #require(bench.transmitPage())
            for piece in 0..<count {
                fragments.append(FrameFragment(offset: page * 4096 + piece * 100, count: 20))
            }
            #expect(bench.transmit(fragments) == outcome)
        }
    }

    @Test("the largest frame at the largest offset fits the room that is handed out")
    func largestFrame() throws {
        let bench = try GuestBench()
        let frame = [UInt8](repeating: 3, count: 65_535)
        #expect(bench.send(frame, offset: 4095) == .sent)
        let slots = try bench.takeRequests()
        #expect(slots.count == 17)
        #expect(TransmitRequest(slots[0]).size == 65_535)
    }

    @Test("pages go back when their requests are answered, in whatever order")
    func pagesReturn() throws {
        let bench = try GuestBench()
        var ids: [UInt16] = []
        for round in 0..<400 {
            ids.append(try bench.sendOne())
            // The newest is answered first, so that the rest grows old.
            if round % 4 != 0 {
                let status: Int16 = round % 3 == 0 ? -1 : -2
                bench.answer([TransmitResponse(id: ids.removeLast(), status: status)])
            }
        }
        #expect(bench.queue.outstandingTransmits == 100)
        #expect(bench.transmitPage() != nil)
        bench.answer(ids.map { TransmitResponse(id: $0, status: 0) })
        #expect(bench.queue.outstandingTransmits == 0)
        let statistics = bench.queue.statistics
        #expect(statistics.transmitAnsweredOkay == 100)
        #expect(statistics.transmitAnsweredError + statistics.transmitAnsweredDropped == 300)
        #expect(bench.queue.oracle.broken == nil)
    }

    @Test("nothing sent is nothing published, and no notification")
    func publishesNothing() throws {
        let bench = try GuestBench()
        #expect(bench.queue.outstandingTransmits == 0)
        let notifies = bench.queue.publishTransmits()
        #expect(!notifies)
        let posted = bench.queue.postBuffers(bench.guest)
        #expect(!posted)
    }

    @Test("closing takes every grant back and tells of those still in use")
    func close() {
        let guest = FakeGuest()
        let configuration = NetFrontQueueConfiguration(
            backend: DomainID(0), firstPage: 5, firstGrant: GrantReference(9),
            features: GuestBench.allFeatures, offer: GuestBench.allFeatures)
        var queue = NetFrontQueue(configuration, memory: guest)
        let page = queue.transmitPage() ?? 0
        _ = queue.transmit(page: page, count: 60, header: VnetHeader(), guest)
        #expect(guest.grants.count == 2 + 256 + 1)
        guest.held = [9]
        let stillInUse = queue.close(guest)
        #expect(stillInUse == 1)
        #expect(guest.grants.count == 1)
    }

    @Test("a vif that broke in the middle of a packet closes like any other")
    func closeBroken() throws {
        let guest = FakeGuest()
        let configuration = NetFrontQueueConfiguration(
            backend: DomainID(0), firstPage: 5, firstGrant: GrantReference(9),
            features: GuestBench.allFeatures, offer: GuestBench.allFeatures)
        var queue = NetFrontQueue(configuration, memory: guest)
        var rx = try BackRing<MappedWords, ReceiveFormat>(attachingTo: guest.words(ofPage: 6))
        // Three slots of one packet, of which the backend keeps the second mapped.
        for slot: UInt16 in 0..<3 {
            rx.consumeRequests(1)
            let flags: ReceiveFlags = slot < 2 ? [.moreData] : []
            rx.stageResponse(ReceiveResponse(id: slot, offset: 0, flags: flags, status: 60).slot)
        }
        _ = rx.publishResponses()
        guest.held = [9 + 2 + 1]
        var packet = GuestPacket()
        let found = queue.nextPacket(&packet, guest)
        #expect(!found)
        let stillInUse = queue.close(guest)
        #expect(stillInUse == 1)
        #expect(guest.grants.count == 1)
    }
}
