// SPDX-License-Identifier: Apache-2.0
import CRingOracle
import Netif
import Ring
import TestSupport
import Testing

/// Our numbers against those that a C compiler reads in Xen's header.
@Suite("Layout of netif.h")
struct LayoutTests {
    static let seed: UInt64 = 0x6E65_7469_6600_0001

    private func words(_ slot: netif_layout_slot) -> SlotWords {
        SlotWords(slot.word.0, slot.word.1, slot.word.2, slot.word.3)
    }

    private func check<Format: RingFormat>(_ format: Format.Type, _ ring: netif_layout_ring) {
        #expect(Format.wordsPerSlot * 4 == Int(ring.slot))
        #expect(Format.wordsPerRequest * 4 == Int(ring.request))
        #expect(Format.wordsPerResponse * 4 == Int(ring.response))
        #expect(Format.slotCount == ring.count)
        #expect(RingLayout.firstSlot * 4 == Int(ring.first))
    }

    @Test("the three rings have the slots that the C compiler sees")
    func rings() {
        check(TransmitFormat.self, netif_layout_tx())
        check(ReceiveFormat.self, netif_layout_rx())
        check(ControlFormat.self, netif_layout_ctrl())
    }

    @Test("requests and responses are encoded and decoded as C does")
    func codecs() {
        var random = SplitMix64(seed: Self.seed)
        for round in 0..<500 {
            let (gref, a, b, c, d) = (
                UInt32(truncatingIfNeeded: random.next()),
                UInt16(truncatingIfNeeded: random.next()),
                UInt16(truncatingIfNeeded: random.next()),
                UInt16(truncatingIfNeeded: random.next()),
                UInt16(truncatingIfNeeded: random.next())
            )
            let status = Int16(bitPattern: d)
            let note: Comment = "seed \(Self.seed), round \(round)"

            let tx = TransmitRequest(
                grantReference: gref, offset: a, flags: TransmitFlags(rawValue: b), id: c, size: d)
            let txWords = words(netif_layout_tx_request(gref, a, b, c, d))
            #expect(tx.slot == txWords, note)
            #expect(TransmitRequest(txWords) == tx, note)

            let txResponse = TransmitResponse(id: a, status: status)
            let txResponseWords = words(netif_layout_tx_response(a, status))
            #expect(txResponse.slot == txResponseWords, note)
            #expect(TransmitResponse(txResponseWords) == txResponse, note)

            let rx = ReceiveRequest(id: a, grantReference: gref)
            let rxWords = words(netif_layout_rx_request(a, gref))
            #expect(rx.slot == rxWords, note)
            #expect(ReceiveRequest(rxWords) == rx, note)

            let rxResponse = ReceiveResponse(
                id: a, offset: b, flags: ReceiveFlags(rawValue: c), status: status)
            let rxResponseWords = words(netif_layout_rx_response(a, b, c, status))
            #expect(rxResponse.slot == rxResponseWords, note)
            #expect(ReceiveResponse(rxResponseWords) == rxResponse, note)
        }
    }

    @Test("padding after the id of a receive request is ignored")
    func receivePadding() {
        let request = ReceiveRequest(SlotWords(0xFFFF_0007, 9))
        #expect(request == ReceiveRequest(id: 7, grantReference: 9))
    }

    @Test("extra infos are read and written as C does")
    func extras() {
        let gso = ExtraInfo(words(netif_layout_gso(1, 1448, 2, 0xABCD)))
        #expect(gso.type == ExtraInfo.segmentationType && gso.hasMore)
        #expect(gso.segmentSize == 1448 && gso.segmentKind == 2 && gso.segmentFeatures == 0xABCD)
        let offload = SegmentationOffload(size: 1448, kind: .tcpv6)
        #expect(
            ExtraInfo(segmentation: offload, hasMore: true).slot
                == words(netif_layout_gso(1, 1448, 2, 0)))
        #expect(
            ExtraInfo(segmentation: offload).slot == words(netif_layout_gso(0, 1448, 2, 0)))

        let address: UInt64 = 0x0100_5E01_02FB
        let group = ExtraInfo(words(netif_layout_mcast(3, 0, address)))
        #expect(group.type == ExtraInfo.multicastDeleteType && !group.hasMore)
        #expect(group.multicastAddress == address)

        let hash = ExtraInfo(words(netif_layout_hash(0, 3, 1, 0x51CC_C178)))
        #expect(hash.type == ExtraInfo.hashType)
        #expect(hash.hashKind == 3 && hash.hashAlgorithm == 1 && hash.hashValue == 0x51CC_C178)

        // Linux's copy of the header alone has this one: u16 at byte 2.
        let xdp = ExtraInfo(SlotWords(0x0100_0005))
        #expect(xdp.type == ExtraInfo.xdpType && xdp.xdpHeadroom == 256)
    }

    @Test("flags, types, statuses and limits are those of the header")
    func constants() {
        let xen = netif_layout_values()
        #expect(UInt32(TransmitFlags.checksumBlank.rawValue) == xen.tx_csum_blank)
        #expect(UInt32(TransmitFlags.dataValidated.rawValue) == xen.tx_data_validated)
        #expect(UInt32(TransmitFlags.moreData.rawValue) == xen.tx_more_data)
        #expect(UInt32(TransmitFlags.extraInfo.rawValue) == xen.tx_extra_info)
        #expect(UInt32(ReceiveFlags.dataValidated.rawValue) == xen.rx_data_validated)
        #expect(UInt32(ReceiveFlags.checksumBlank.rawValue) == xen.rx_csum_blank)
        #expect(UInt32(ReceiveFlags.moreData.rawValue) == xen.rx_more_data)
        #expect(UInt32(ReceiveFlags.extraInfo.rawValue) == xen.rx_extra_info)
        #expect(UInt32(ExtraInfo.segmentationType) == xen.extra_gso)
        #expect(UInt32(ExtraInfo.multicastAddType) == xen.extra_mcast_add)
        #expect(UInt32(ExtraInfo.multicastDeleteType) == xen.extra_mcast_del)
        #expect(UInt32(ExtraInfo.hashType) == xen.extra_hash)
        #expect(UInt32(NetifLimits.extraTypeEnd) == xen.extra_max)
        #expect(NetifLimits.extrasPerPacketMax == Int(xen.extra_max) - 1)
        #expect(ExtraInfo(type: 1, hasMore: true).word0 >> 8 == xen.extra_more)
        #expect(UInt32(SegmentationOffload.Kind.tcpv4.rawValue) == xen.gso_tcpv4)
        #expect(UInt32(SegmentationOffload.Kind.tcpv6.rawValue) == xen.gso_tcpv6)
        #expect(Int32(ResponseStatus.dropped) == xen.status_dropped)
        #expect(Int32(ResponseStatus.error) == xen.status_error)
        #expect(Int32(ResponseStatus.okay) == xen.status_okay)
        #expect(Int32(ResponseStatus.null) == xen.status_null)
        #expect(NetifLimits.slotsPerPacketMax == Int(xen.slots_min))
        #expect(NetifLimits.frameSizeMax == Int(xen.tx_size_max))
    }
}
