// SPDX-License-Identifier: Apache-2.0
import Netif
import Ring
import Testing

/// What a hostile or broken guest may write in its transmit requests, one rule each.
@Suite("Hostile transmit requests")
struct HostileRequestTests {
    private func outcome(_ slots: [SlotWords]) throws -> (AssemblyOutcome, TransmitPacket) {
        var scene = try TransmitScene()
        scene.publish(slots)
        let outcome = try scene.assemble()
        return (outcome, scene.packet)
    }

    /// A packet of data slots, all but the first of `size` bytes.
    private func chain(count: Int, total: UInt16, size: UInt16) -> [SlotWords] {
        (0..<count).map { index in
            data(
                index == 0 ? total : size, flags: index == count - 1 ? [] : .moreData,
                id: UInt16(index))
        }
    }

    @Test("every word of a request is read once, however often the packet is looked at")
    func singleFetch() throws {
        var scene = try TransmitScene()
        scene.publish([
            data(200, flags: [.extraInfo, .moreData]), segmentation(250),
            data(40, flags: .moreData), data(50), data(60),
        ])
        scene.words.loads = [Int](repeating: 0, count: scene.words.wordCount)
        #expect(try scene.assemble() == .forward)
        _ = scene.packet.statuses(ResponseStatus.okay)
        let slotLoads = scene.words.loads.dropFirst(RingLayout.firstSlot)
        #expect(slotLoads.allSatisfy { $0 <= 1 })
        // Four slots of three words; the fifth belongs to the next packet.
        #expect(slotLoads.reduce(0, +) == 12)
    }

    @Test("an extra info announced but not published closes the vif")
    func extraChainCut() throws {
        #expect(
            try outcome([data(100, flags: .extraInfo)]).0 == .close(.extraChainCut(available: 1)))
        #expect(
            try outcome([data(100, flags: .extraInfo), segmentation(9, hasMore: true)]).0
                == .close(.extraChainCut(available: 2)))
    }

    @Test("an extra info of type 0 or one that Xen's header lacks closes the vif")
    func extraTypes() throws {
        for type in UInt8.min...UInt8.max {
            let (result, _) = try outcome([data(100, flags: .extraInfo), extra(type)])
            switch type {
            case 1: #expect(result == .close(.segmentKindUnknown(0)))
            case 2, 3: #expect(result == .answer(.multicastNotOffered(type: type)))
            case 4: #expect(result == .forward)
            default: #expect(result == .close(.extraTypeUnknown(type)))
            }
        }
    }

    @Test("a chain of extra infos longer than there are types closes the vif")
    func extraChainTooLong() throws {
        let extras = (0..<5).map { extra(4, hasMore: $0 < 4) }
        #expect(
            try outcome([data(100, flags: .extraInfo)] + extras).0 == .close(.extraChainTooLong))
        let (result, packet) = try outcome(
            [data(100, flags: .extraInfo)] + extras[1...])
        #expect(result == .forward)
        #expect(packet.slotCount == 5)
    }

    @Test("of two descriptions of a large packet the last counts")
    func lastSegmentationCounts() throws {
        let (result, packet) = try outcome([
            data(100, flags: .extraInfo), segmentation(0, kind: 9, hasMore: true),
            segmentation(1448, kind: 2),
        ])
        #expect(result == .forward)
        #expect(packet.offload == SegmentationOffload(size: 1448, kind: .tcpv6))
        #expect(packet.statuses(0) == [0, 1, 1])
    }

    @Test("a fragment announced but not published closes the vif")
    func dataChainCut() throws {
        let slots = chain(count: 3, total: 300, size: 100)
        #expect(try outcome(Array(slots[..<2])).0 == .close(.dataChainCut(available: 2)))
    }

    @Test("the bound of a chain is the ring's producer, not what lies in the slots behind it")
    func staleSlots() throws {
        var scene = try TransmitScene(startingAt: 0)
        scene.publish([data(100, flags: .moreData)])
        let stale = data(40)
        scene.words.values[RingLayout.firstSlot + 3] = stale.word0
        scene.words.values[RingLayout.firstSlot + 5] = stale.word2
        #expect(try scene.assemble() == .close(.dataChainCut(available: 1)))
    }

    @Test("eighteen data slots are forwarded")
    func slotsAllowed() throws {
        let (result, packet) = try outcome(chain(count: 18, total: 1800, size: 100))
        #expect(result == .forward)
        #expect(packet.pieceCount == 18)
        #expect(packet.pieceSizes == [Int](repeating: 100, count: 18))
    }

    @Test("nineteen data slots are a mistake: every slot is answered with an error")
    func slotsOverLimit() throws {
        let (result, packet) = try outcome(chain(count: 19, total: 1900, size: 100))
        #expect(result == .answer(.slotCountOverLimit(19)))
        #expect(packet.slotCount == 19 && packet.pieceCount == 0)
        for slot in 0..<19 {
            #expect(
                packet.response(at: slot, status: -1)
                    == TransmitResponse(id: UInt16(slot), status: -1))
        }
    }

    @Test("twenty data slots or more close the vif")
    func slotsFatal() throws {
        for count in [20, 21, 40, 256] {
            #expect(
                try outcome(chain(count: count, total: 2000, size: 1)).0
                    == .close(.slotCountFatal))
        }
    }

    @Test("extra infos do not count as data slots")
    func extrasAreNotData() throws {
        var slots = chain(count: 18, total: 1800, size: 100)
        slots[0] = data(1800, flags: [.moreData, .extraInfo])
        slots.insert(contentsOf: [segmentation(9, hasMore: true), extra(4)], at: 1)
        let (result, packet) = try outcome(slots)
        #expect(result == .forward)
        #expect(packet.slotCount == 20 && packet.pieceCount == 18)
        #expect(packet.pieceList.map { Int($0.slot) } == [0] + Array(3...19))
    }

    @Test("a packet whose sizes do not add up is answered and dropped")
    func sizesDoNotAddUp() throws {
        let (result, packet) = try outcome([data(100, flags: .moreData), data(101)])
        #expect(result == .answer(.sizesDoNotAddUp(claimed: 101, remaining: 100)))
        #expect(packet.slotCount == 2 && packet.pieceCount == 0)
        // All slots are found, also those after the one that does not fit.
        let (_, longer) = try outcome([
            data(100, flags: .moreData), data(4000, flags: .moreData), data(50), data(60),
        ])
        #expect(longer.slotCount == 3)
    }

    @Test("a frame of 64 KiB, whose size wrapped to 0, is answered and dropped")
    func sizeWrapped() throws {
        let (result, packet) = try outcome(chain(count: 16, total: 0, size: 4096))
        #expect(result == .answer(.sizesDoNotAddUp(claimed: 4096, remaining: 0)))
        #expect(packet.slotCount == 16)
    }

    @Test("a piece that runs over the end of its page closes the vif")
    func pageCrossed() throws {
        #expect(
            try outcome([data(100, offset: 3997)]).0
                == .close(.pageCrossed(slot: 0, offset: 3997, size: 100)))
        #expect(try outcome([data(100, offset: 3996)]).0 == .forward)
        #expect(
            try outcome([data(200, flags: .moreData), data(100, offset: 3997)]).0
                == .close(.pageCrossed(slot: 1, offset: 3997, size: 100)))
        #expect(try outcome([data(200, flags: .moreData), data(100, offset: 3996)]).0 == .forward)
    }

    @Test("a piece in the middle of a packet is held to its page too")
    func pageCrossedInTheMiddle() throws {
        let slots = [
            data(300, flags: .moreData), data(100, offset: 3997, flags: .moreData), data(100),
        ]
        #expect(
            try outcome(slots).0 == .close(.pageCrossed(slot: 1, offset: 3997, size: 100)))
    }

    @Test("the first piece is held to its page by its true size, not by the packet's")
    func firstPieceTrueSize() throws {
        let slots = [data(5000, offset: 3096, flags: .moreData), data(4000)]
        #expect(try outcome(slots).0 == .forward)
        let over = [data(5000, offset: 3097, flags: .moreData), data(4000)]
        #expect(
            try outcome(over).0 == .close(.pageCrossed(slot: 0, offset: 3097, size: 1000)))
    }

    @Test("offset and size of 65535 add up without overflow")
    func widestPiece() throws {
        #expect(
            try outcome([data(.max, offset: .max)]).0
                == .close(.pageCrossed(slot: 0, offset: .max, size: 65_535)))
        #expect(
            try outcome([data(.max, flags: .moreData), data(.max, offset: .max)]).0
                == .close(.pageCrossed(slot: 1, offset: .max, size: 65_535)))
    }

    @Test("a crossed page closes the vif also in a packet that is dropped already")
    func fatalBeatsDrop() throws {
        let slots = [
            data(100, flags: .moreData), data(200, flags: .moreData), data(100, offset: 4000),
        ]
        #expect(
            try outcome(slots).0 == .close(.pageCrossed(slot: 2, offset: 4000, size: 100)))
    }

    @Test("a first piece without room for an Ethernet header is answered and dropped")
    func firstPieceTooShort() throws {
        for size: UInt16 in 0..<14 {
            #expect(try outcome([data(size)]).0 == .answer(.firstPieceTooShort(size: Int(size))))
        }
        #expect(try outcome([data(14)]).0 == .forward)
        #expect(
            try outcome([data(113, flags: .moreData), data(100)]).0
                == .answer(.firstPieceTooShort(size: 13)))
    }

    @Test("segments of 0 bytes close the vif")
    func segmentSizeZero() throws {
        #expect(
            try outcome([data(100, flags: .extraInfo), segmentation(0)]).0
                == .close(.segmentSizeZero))
    }

    @Test("segmentation of an unknown protocol closes the vif")
    func segmentKinds() throws {
        for kind in UInt8.min...UInt8.max {
            let (result, packet) = try outcome([
                data(100, flags: .extraInfo), segmentation(1448, kind: kind),
            ])
            if kind == 1 || kind == 2 {
                #expect(result == .forward)
                #expect(packet.offload?.kind.rawValue == kind)
            } else {
                #expect(result == .close(.segmentKindUnknown(kind)))
                #expect(packet.pieceCount == 0)
            }
        }
    }

    @Test("a maximal number of tiny slots stays within the bounds of a packet")
    func tinySlots() throws {
        let (result, packet) = try outcome(chain(count: 18, total: 31, size: 1))
        #expect(result == .forward)
        #expect(packet.pieceSizes == [14] + [Int](repeating: 1, count: 17))
    }

    @Test("a fragment of no bytes is answered but not copied")
    func zeroLengthFragments() throws {
        let (result, packet) = try outcome([
            data(100, flags: .moreData, id: 1), data(0, flags: .moreData, id: 2, page: 666),
            data(40, flags: .moreData, id: 3), data(0, offset: 4096, id: 4, page: 666),
        ])
        #expect(result == .forward)
        #expect(packet.pieceSizes == [60, 40])
        #expect(packet.pieceList.allSatisfy { $0.grantReference != 666 })
        #expect(packet.pieceList.map(\.slot) == [0, 2])
        #expect(packet.statuses(ResponseStatus.okay) == [0, 0, 0, 0])
        #expect(packet.response(at: 3, status: 0).id == 4)
    }

    @Test("a change to the multicast filter is refused and takes no fragments with it")
    func multicast() throws {
        let (result, packet) = try outcome([
            data(100, flags: [.extraInfo, .moreData], id: 7), extra(2, hasMore: true), extra(3),
            data(60),
        ])
        #expect(result == .answer(.multicastNotOffered(type: 2)))
        #expect(packet.statuses(ResponseStatus.error) == [-1, 1, 1])
    }

    @Test("large packets without a blank checksum are forwarded for the transmit path to repair")
    func segmentationWithoutBlankChecksum() throws {
        let (result, packet) = try outcome([data(100, flags: .extraInfo), segmentation(1448)])
        #expect(result == .forward)
        #expect(!packet.flags.contains(.checksumBlank) && packet.offload != nil)
    }

    @Test("flags of extra infos and unknown flags of data do not prolong a packet")
    func strangeFlags() throws {
        let odd = TransmitFlags(rawValue: 0xFFF0)
        #expect(try outcome([data(100, flags: odd), data(50)]).1.slotCount == 1)
        let wide = ExtraInfo(SlotWords(0x05DC_FE01, 1)).slot
        let (result, packet) = try outcome([data(100, flags: .extraInfo), wide, data(50)])
        #expect(result == .forward)
        #expect(packet.slotCount == 2)
        // Only the first slot can own extra infos.
        let (second, other) = try outcome([
            data(100, flags: .moreData), data(50, flags: .extraInfo), extra(0xFF),
        ])
        #expect(second == .forward)
        #expect(other.slotCount == 2)
    }

    @Test("packets are read one after the other without being consumed")
    func packetsInARow() throws {
        var scene = try TransmitScene()
        scene.publish([
            data(100, flags: .moreData, id: 1), data(40, id: 2), data(60, id: 3),
            data(70, flags: .extraInfo, id: 4), segmentation(9),
        ])
        var (offset, sizes) = (UInt32(0), [Int]())
        while offset < 5 {
            #expect(try scene.assemble(at: offset) == .forward)
            sizes.append(scene.packet.size)
            offset += UInt32(scene.packet.slotCount)
        }
        #expect(offset == 5)
        #expect(sizes == [100, 60, 70])
        #expect(try scene.back.unconsumedRequestCount() == 5)
        // What one packet left behind is not seen in the next.
        #expect(try scene.assemble(at: 2) == .forward)
        #expect(scene.packet.offload == nil && scene.packet.extraCount == 0)
    }
}
