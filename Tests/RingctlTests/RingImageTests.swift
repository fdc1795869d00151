// SPDX-License-Identifier: Apache-2.0
import Netif
import Ring
import SharedMemory
import TestSupport
import Testing

@testable import ringctl

@Suite("The text of a ring")
struct RingImageTests {
    /// Writes the four indices in the order in which they stand in the page.
    private func setIndices(_ values: [UInt32], in page: borrowing RingPage) {
        for (word, value) in values.enumerated() { page.words.storeRelaxed(value, at: word) }
    }

    @Test("indices have Xen's names and their distance from rsp_prod, over the wrap too")
    func indices() {
        let page = RingPage()
        setIndices([1, 0xFFFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFD], in: page)
        let image = RingImage<TransmitFormat>(CopiedWords(copying: page.words))
        #expect(
            image.lines() == [
                "  nr_ents   256                unanswered  3",
                "  req_prod  1 (+3)             req_event   4294967295 (+1)",
                "  rsp_prod  4294967294 (base)  rsp_event   4294967293 (-1)",
            ])
    }

    @Test("as many requests as slots are plausible, one more is not", arguments: [256, 257])
    func plausibility(count: UInt32) {
        let page = RingPage()
        setIndices([count, 0, 0, 0], in: page)
        let image = RingImage<ReceiveFormat>(CopiedWords(copying: page.words))
        #expect(image.lines()[0].contains("IMPLAUSIBLE") == (count > 256))
        #expect(image.unanswered.count == 256)
    }

    @Test("slots of a Tx ring are decoded as requests and extra infos")
    func transmitSlots() {
        let page = RingPage()
        var ring = FrontRing<MappedWords, TransmitFormat>(
            initializing: page.words, startingAt: RingIndex(0xFFFF_FFFF))
        ring.stageRequest(
            TransmitRequest(
                grantReference: 8, offset: 66, flags: [.checksumBlank, .extraInfo, .moreData],
                id: 12, size: 3000
            ).slot)
        ring.stageRequest(
            ExtraInfo(segmentation: SegmentationOffload(size: 1448, kind: .tcpv4), hasMore: true)
                .slot)
        ring.stageRequest(ExtraInfo(type: 77, hasMore: false).slot)
        // The flag for extra infos means something in a packet's first request alone.
        ring.stageRequest(
            TransmitRequest(
                grantReference: 9, offset: 0, flags: [.extraInfo], id: 13, size: 1500
            ).slot)
        ring.stageRequest(
            TransmitRequest(
                grantReference: 10, offset: 0, flags: TransmitFlags(rawValue: 0x8000), id: 14,
                size: 60
            ).slot)
        _ = ring.publishRequests()
        let lines = RingImage<TransmitFormat>(CopiedWords(copying: page.words)).slotLines
        #expect(
            lines == [
                "  [255] at 4294967295: gref 8 offset 66 size 3000 flags "
                    + "csum_blank|more_data|extra_info id 12  <00000008 000d0042 0bb8000c>",
                "  [0] at 0: extra_info gso size 1448 type tcpv4 features 0 flags more  "
                    + "<05a80101 00000001 00000000>",
                "  [1] at 1: extra_info of unknown type 77  <0000004d 00000000 00000000>",
                "  [2] at 2: gref 9 offset 0 size 1500 flags extra_info id 13  "
                    + "<00000009 00080000 05dc000d>",
                "  [3] at 3: gref 10 offset 0 size 60 flags 0x8000 id 14  "
                    + "<0000000a 80000000 003c000e>",
            ])
    }

    @Test("slots of an Rx ring are decoded as buffers")
    func receiveSlots() {
        let page = RingPage()
        var ring = FrontRing<MappedWords, ReceiveFormat>(initializing: page.words)
        ring.stageRequest(ReceiveRequest(id: 65_535, grantReference: 4_294_967_295).slot)
        _ = ring.publishRequests()
        #expect(
            RingImage<ReceiveFormat>(CopiedWords(copying: page.words)).slotLines == [
                "  [0] at 0: gref 4294967295 id 65535  <0000ffff ffffffff>"
            ])
    }

    @Test("any bytes at all are shown, a line for each slot, and stay as they are")
    func anyBytes() {
        for seed in UInt64(1)...300 {
            var random = SplitMix64(seed: seed)
            let page = RingPage()
            // Sparse words set every bit alone as well as many at once.
            let mask =
                seed.isMultiple(of: 2) ? UInt32.max : UInt32.random(in: 0...(.max), using: &random)
            for word in 0..<RingLayout.pageWordCount {
                page.words.storeRelaxed(
                    UInt32.random(in: 0...(.max), using: &random) & mask, at: word)
            }
            let before = page.bytes
            let transmit = RingImage<TransmitFormat>(CopiedWords(copying: page.words))
            let receive = RingImage<ReceiveFormat>(CopiedWords(copying: page.words))
            #expect(transmit.slotLines.count == transmit.unanswered.count, "seed \(seed)")
            #expect(receive.slotLines.count == receive.unanswered.count, "seed \(seed)")
            #expect(
                transmit.lines()[0].contains("IMPLAUSIBLE") != transmit.indices.isPlausible,
                "seed \(seed)")
            if !transmit.indices.isPlausible {
                #expect(transmit.slotLines.count == 256, "seed \(seed)")
            }
            #expect(page.bytes == before, "seed \(seed)")
        }
    }
}
