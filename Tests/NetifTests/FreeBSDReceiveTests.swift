// SPDX-License-Identifier: Apache-2.0
import Netif
import Ring
import Testing

/// The situations of FreeBSD's netback_unit_tests.c that concern the receive direction: mbufc2pkt,
/// rxpkt2gnttab and rxpkt2rsp. The table in FreeBSDTransmitTests says where the others are.
@Suite("FreeBSD's situations, receive")
struct FreeBSDReceiveTests {
    /// A copy into one of the guest's pages.
    struct Copy: Equatable {
        var position: Int
        var frameOffset: Int
        var size: Int
    }

    /// All grant copies of a packet.
    private func copies(_ packet: ReceivePacket) -> [Copy] {
        let splitter = PacketSplitter(packet)
        return (0..<splitter.slotCount).filter { !splitter.isExtra(at: $0) }.map {
            Copy(
                position: $0, frameOffset: splitter.frameOffset(at: $0),
                size: splitter.dataCount(at: $0))
        }
    }

    private func responses(_ packet: ReceivePacket, firstID: UInt16 = 0) -> [SlotWords] {
        let splitter = PacketSplitter(packet)
        return (0..<splitter.slotCount).map {
            splitter.response(at: $0, requestID: firstID + UInt16($0))
        }
    }

    private let large = SegmentationOffload(size: 1448, kind: .tcpv4)

    // MARK: mbufc2pkt

    @Test("mbufc2pkt_empty: a frame of no bytes takes no slot")
    func mbufc2pktEmpty() {
        #expect(ReceivePacket(size: 0).slotCount == 0)
        #expect(PacketSplitter.slotCount(size: 0, hasExtra: true) == 0)
        #expect(PacketSplitter.slotCount(size: -1, hasExtra: false) == 0)
    }

    @Test("mbufc2pkt_short, 1cluster, 2short, long: one slot for each page begun")
    func mbufc2pktSizes() {
        let table = [
            (1, 1), (60, 1), (2048, 1), (4095, 1), (4096, 1), (4097, 2), (5000, 2), (8192, 2),
            (8193, 3), (14_000, 4), (65_535, 16),
        ]
        for (size, count) in table {
            #expect(ReceivePacket(size: size).slotCount == count, "\(size) bytes")
        }
    }

    @Test("mbufc2pkt_extra: a large packet takes one slot more, and its data goes on after it")
    func mbufc2pktExtra() {
        let packet = ReceivePacket(size: 9000, offload: large)
        #expect(packet.slotCount == 4)
        let slots = responses(packet)
        let first = ReceiveResponse(slots[0])
        #expect(first.flags == [.extraInfo, .dataValidated, .checksumBlank, .moreData])
        #expect(ReceiveResponse(slots[2]).status == 4096)
        #expect(ReceiveResponse(slots[2]).flags == .moreData)
        #expect(ReceiveResponse(slots[3]).status == 808)
        #expect(ReceiveResponse(slots[3]).flags == [])
    }

    @Test("mbufc2pkt_nospace: the slots needed are known before anything is taken or written")
    func mbufc2pktNoSpace() throws {
        let words = ScratchWords()
        var front = FrontRing<ScratchWords, ReceiveFormat>(
            initializing: words, startingAt: RingIndex(.max - 1))
        let back = try BackRing<ScratchWords, ReceiveFormat>(attachingTo: words)
        for id in UInt16(0)..<3 {
            front.stageRequest(ReceiveRequest(id: id, grantReference: 8).slot)
        }
        _ = front.publishRequests()
        let before = words.values
        #expect(
            ReceivePacket(size: 14_000).slotCount > Int(try back.unconsumedRequestCount()))
        #expect(words.values == before)
    }

    @Test("the largest frame fits in the slots that every frontend is capable of")
    func largest() {
        let largest = ReceivePacket(size: NetifLimits.frameSizeMax, offload: large)
        #expect(largest.slotCount == NetifLimits.receiveSlotsMax)
        #expect(NetifLimits.receiveSlotsMax <= NetifLimits.slotsPerPacketMax)
    }

    // MARK: rxpkt2gnttab

    @Test("rxpkt2gnttab_empty: a frame of no bytes needs no copy")
    func rxpkt2gnttabEmpty() {
        #expect(copies(ReceivePacket(size: 0)).isEmpty)
    }

    @Test("rxpkt2gnttab_short: a frame within a page needs one copy")
    func rxpkt2gnttabShort() {
        #expect(
            copies(ReceivePacket(size: 79)) == [Copy(position: 0, frameOffset: 0, size: 79)])
    }

    @Test("rxpkt2gnttab_2req: a frame over two pages needs two, and none for the extra info")
    func rxpkt2gnttab2req() {
        #expect(
            copies(ReceivePacket(size: 4196)) == [
                Copy(position: 0, frameOffset: 0, size: 4096),
                Copy(position: 1, frameOffset: 4096, size: 100),
            ])
        #expect(
            copies(ReceivePacket(size: 4196, offload: large)) == [
                Copy(position: 0, frameOffset: 0, size: 4096),
                Copy(position: 2, frameOffset: 4096, size: 100),
            ])
    }

    // MARK: rxpkt2rsp

    @Test("rxpkt2rsp_empty: a frame of no bytes has no response")
    func rxpkt2rspEmpty() {
        #expect(responses(ReceivePacket(size: 0)).isEmpty)
    }

    @Test("rxpkt2rsp_short: status is the size, the id is echoed, the offset is 0")
    func rxpkt2rspShort() {
        let slots = responses(ReceivePacket(size: 60), firstID: 4711)
        #expect(
            slots.map { ReceiveResponse($0) } == [
                ReceiveResponse(id: 4711, offset: 0, flags: [], status: 60)
            ])
    }

    @Test("rxpkt2rsp_extra: the second slot says how to segment")
    func rxpkt2rspExtra() {
        let slots = responses(ReceivePacket(size: 4000, offload: large), firstID: 9)
        #expect(slots.count == 2)
        #expect(ReceiveResponse(slots[0]).id == 9)
        #expect(ReceiveResponse(slots[0]).status == 4000)
        #expect(!ReceiveResponse(slots[0]).flags.contains(.moreData))
        let described = ExtraInfo(slots[1])
        #expect(described.type == ExtraInfo.segmentationType && !described.hasMore)
        #expect(described.segmentSize == 1448 && described.segmentKind == 1)
        #expect(described.segmentFeatures == 0)
    }

    @Test("rxpkt2rsp_2short, 2slots: two pages are two responses in the order of the requests")
    func rxpkt2rsp2slots() {
        let slots = responses(ReceivePacket(size: 5000, dataValidated: true), firstID: 80)
        #expect(
            slots.map { ReceiveResponse($0) } == [
                ReceiveResponse(
                    id: 80, offset: 0, flags: [.moreData, .dataValidated], status: 4096),
                ReceiveResponse(id: 81, offset: 0, flags: [], status: 904),
            ])
    }

    @Test("rxpkt2rsp_copyerror: one error answer without flags gives the page back")
    func rxpkt2rspCopyError() {
        let response = ReceiveResponse(ReceiveResponse.error(id: 17).slot)
        #expect(response == ReceiveResponse(id: 17, offset: 0, flags: [], status: -1))
    }
}
