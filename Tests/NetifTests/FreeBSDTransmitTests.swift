// SPDX-License-Identifier: Apache-2.0
import Netif
import Ring
import Testing

/// The situations of FreeBSD's netback_unit_tests.c that concern the transmit direction.
///
/// Their stages map to ours like this:
///
/// | FreeBSD stage | situations | here |
/// |---|---|---|
/// | ring2pkt | emptyring 1req 2req 3req extra partial wraps | this file, `PacketAssembler` |
/// | txpkt2rsp | emptypkt 1req extra long invalid error wraps | this file, `TransmitPacket` |
/// | pkt2mbufc | empty short csum 1cluster largecluster 2cluster | this file: piece tables |
/// | txpkt2gnttab | empty short 2req 2cluster | this file: piece tables |
/// | update_mbufc | short 2req 2cluster | this file: sizes of the pieces |
/// | mbufc2pkt | empty short 1cluster 2short long extra nospace | FreeBSDReceiveTests |
/// | rxpkt2gnttab | empty short 2req | FreeBSDReceiveTests |
/// | rxpkt2rsp | empty short extra 2short 2slots copyerror | FreeBSDReceiveTests |
/// | add_mbuf_cksum | arp icmp tcp tcp_swcksum udp | ChecksumTests |
/// | sscanf | five | none: not ours |
///
/// Those that fill local buffers of some size (clusters) are tables of pieces here: one piece is
/// one grant copy, and the local buffer is contiguous.
@Suite("FreeBSD's situations, transmit")
struct FreeBSDTransmitTests {
    // MARK: ring2pkt

    @Test("ring2pkt_emptyring: nothing is published, so nothing is assembled")
    func ring2pktEmpty() throws {
        let scene = try TransmitScene()
        let before = scene.words.values
        #expect(try scene.back.unconsumedRequestCount() == 0)
        #expect(scene.words.values == before)
    }

    @Test("assembling past the published requests is our own mistake and traps")
    func pastTheEnd() async {
        await #expect(processExitsWith: .failure) {
            var scene = try TransmitScene()
            _ = try scene.assemble()
        }
    }

    @Test("ring2pkt_1req: one request of 69 bytes is a packet of one piece")
    func ring2pkt1req() throws {
        var scene = try TransmitScene()
        scene.publish([data(69, offset: 1500, flags: .checksumBlank, page: 7)])
        #expect(try scene.assemble() == .forward)
        #expect(scene.packet.slotCount == 1)
        #expect(scene.packet.size == 69)
        #expect(scene.packet.flags == .checksumBlank)
        #expect(scene.packet.offload == nil)
        #expect(
            scene.packet.pieceList == [
                TransmitPiece(grantReference: 7, pageOffset: 1500, size: 69, slot: 0)
            ])
    }

    @Test("ring2pkt_2req: 100 bytes of which 40 are in the second slot leave 60 in the first")
    func ring2pkt2req() throws {
        var scene = try TransmitScene()
        scene.publish([data(100, flags: .moreData), data(40)])
        #expect(try scene.assemble() == .forward)
        #expect(scene.packet.slotCount == 2)
        #expect(scene.packet.size == 100)
        #expect(scene.packet.pieceSizes == [60, 40])
    }

    @Test("ring2pkt_3req: 200 bytes with pieces of 40 and 50 leave 110 in the first")
    func ring2pkt3req() throws {
        var scene = try TransmitScene()
        scene.publish([data(200, flags: .moreData), data(40, flags: .moreData), data(50)])
        #expect(try scene.assemble() == .forward)
        #expect(scene.packet.slotCount == 3)
        #expect(scene.packet.pieceSizes == [110, 40, 50])
    }

    @Test("ring2pkt_extra: an extra info stands between the first and the second data slot")
    func ring2pktExtra() throws {
        var scene = try TransmitScene()
        scene.publish([
            data(150, flags: [.extraInfo, .moreData], page: 3), segmentation(250),
            data(50, page: 4),
        ])
        #expect(try scene.assemble() == .forward)
        #expect(scene.packet.slotCount == 3)
        #expect(scene.packet.extraCount == 1)
        #expect(scene.packet.isExtra(at: 1) && !scene.packet.isExtra(at: 2))
        #expect(scene.packet.offload == SegmentationOffload(size: 250, kind: .tcpv4))
        #expect(
            scene.packet.pieceList == [
                TransmitPiece(grantReference: 3, pageOffset: 0, size: 100, slot: 0),
                TransmitPiece(grantReference: 4, pageOffset: 0, size: 50, slot: 2),
            ])
    }

    @Test("ring2pkt_partial: a packet whose continuation is not published closes the vif")
    func ring2pktPartial() throws {
        var scene = try TransmitScene()
        scene.publish([data(150, flags: .moreData)])
        #expect(try scene.assemble() == .close(.dataChainCut(available: 1)))
        #expect(try scene.back.unconsumedRequestCount() == 1)
    }

    @Test("ring2pkt_wraps: a packet lies over the end of the ring's slots")
    func ring2pktWraps() throws {
        var scene = try TransmitScene(startingAt: TransmitFormat.slotCount - 2)
        scene.publish([data(200, flags: .moreData), data(40, flags: .moreData), data(50)])
        #expect(try scene.assemble() == .forward)
        #expect(scene.packet.pieceSizes == [110, 40, 50])
    }

    // MARK: txpkt2rsp

    @Test("txpkt2rsp_emptypkt: without a packet the shared page stays as it is")
    func txpkt2rspEmpty() throws {
        var scene = try TransmitScene()
        let before = scene.words.values
        #expect(try scene.answer(ResponseStatus.okay).isEmpty)
        #expect(scene.words.values == before)
    }

    @Test("txpkt2rsp_1req: the id is echoed with OKAY")
    func txpkt2rsp1req() throws {
        var scene = try TransmitScene()
        scene.publish([data(69, id: 42)])
        #expect(try scene.assemble() == .forward)
        #expect(try scene.answer(ResponseStatus.okay) == [TransmitResponse(id: 42, status: 0)])
    }

    @Test("txpkt2rsp_extra: the extra info's slot is answered with NULL")
    func txpkt2rspExtra() throws {
        var scene = try TransmitScene()
        scene.publish([data(69, flags: .extraInfo, id: 5), segmentation(250)])
        #expect(try scene.assemble() == .forward)
        let responses = try scene.answer(ResponseStatus.okay)
        #expect(responses.map(\.status) == [ResponseStatus.okay, ResponseStatus.null])
        #expect(responses[0].id == 5)
    }

    @Test("txpkt2rsp_long: three data slots with an extra info keep their ids and order")
    func txpkt2rspLong() throws {
        var scene = try TransmitScene()
        scene.publish([
            data(200, flags: [.extraInfo, .moreData], id: 254), segmentation(250),
            data(40, flags: .moreData, id: 1034), data(50, id: 34),
        ])
        #expect(try scene.assemble() == .forward)
        let responses = try scene.answer(ResponseStatus.okay)
        #expect(responses.map(\.status) == [0, ResponseStatus.null, 0, 0])
        #expect([responses[0].id, responses[2].id, responses[3].id] == [254, 1034, 34])
    }

    @Test("txpkt2rsp_invalid: an extra info of type 255 closes the vif, as in Linux")
    func txpkt2rspInvalid() throws {
        var scene = try TransmitScene()
        scene.publish([data(69, flags: .extraInfo, id: 5), extra(0xFF)])
        #expect(try scene.assemble() == .close(.extraTypeUnknown(0xFF)))
        // FreeBSD answers ERROR and NULL here; the packet still can.
        #expect(scene.packet.statuses(ResponseStatus.error) == [-1, ResponseStatus.null])
    }

    @Test("txpkt2rsp_error: a packet that failed is answered with ERROR on its data slots")
    func txpkt2rspError() throws {
        var scene = try TransmitScene()
        scene.publish([
            data(169, flags: [.extraInfo, .moreData], id: 1), segmentation(250), data(40, id: 2),
        ])
        #expect(try scene.assemble() == .forward)
        let responses = try scene.answer(ResponseStatus.error)
        #expect(responses.map(\.status) == [-1, ResponseStatus.null, -1])
    }

    @Test("txpkt2rsp_wraps: the answers lie over the end of the ring's slots")
    func txpkt2rspWraps() throws {
        var scene = try TransmitScene(startingAt: TransmitFormat.slotCount - 2)
        scene.publish([
            data(200, flags: .moreData, id: 1), data(40, flags: .moreData, id: 2), data(50, id: 3),
        ])
        #expect(try scene.assemble() == .forward)
        #expect(try scene.answer(ResponseStatus.okay).map(\.id) == [1, 2, 3])
    }

    @Test("an answer leaves offset, flags, id and size of its request in the slot")
    func answerKeepsTheRest() throws {
        var scene = try TransmitScene(startingAt: 0)
        let slot = data(69, offset: 3, flags: .dataValidated, id: 9, page: 77)
        scene.publish([slot])
        #expect(try scene.assemble() == .forward)
        _ = try scene.answer(ResponseStatus.okay)
        #expect(scene.words.values[RingLayout.firstSlot + 1] == slot.word1)
        #expect(scene.words.values[RingLayout.firstSlot + 2] == slot.word2)
    }

    // MARK: pkt2mbufc, txpkt2gnttab and update_mbufc: tables of pieces

    /// Total size, then the sizes of the later slots.
    static let tables: [(name: String, total: UInt16, rest: [UInt16])] = [
        ("short", 14, []),
        ("csum", 79, []),
        ("1cluster", 2048, []),
        ("largecluster", 4096, []),
        ("2req", 1900, [500]),
        ("2cluster", 4096 + 2048, [2048]),
        ("65535 bytes", 65_535, [UInt16](repeating: 4096, count: 15)),
    ]

    @Test(
        "pieces cover the frame in order, none crosses a page, and their sizes add up",
        arguments: tables)
    func pieceTable(_ table: (name: String, total: UInt16, rest: [UInt16])) throws {
        var scene = try TransmitScene()
        var slots = [data(table.total, flags: table.rest.isEmpty ? [] : .moreData, page: 100)]
        for (index, size) in table.rest.enumerated() {
            let isLast = index == table.rest.count - 1
            slots.append(data(size, flags: isLast ? [] : .moreData, page: 101 + UInt32(index)))
        }
        scene.publish(slots)
        #expect(try scene.assemble() == .forward)
        let pieces = scene.packet.pieceList
        #expect(pieces.map(\.grantReference) == (0..<slots.count).map { 100 + UInt32($0) })
        #expect(scene.packet.pieceSizes.reduce(0, +) == Int(table.total))
        #expect(scene.packet.pieceSizes.dropFirst().elementsEqual(table.rest.map { Int($0) }))
        for piece in pieces {
            #expect(Int(piece.pageOffset) + Int(piece.size) <= NetifLimits.pageSize)
        }
    }

    @Test("pkt2mbufc_empty, txpkt2gnttab_empty: a packet never filled in has no pieces")
    func noPieces() {
        let packet = TransmitPacket()
        #expect(packet.slotCount == 0 && packet.pieceCount == 0 && packet.size == 0)
    }

    @Test("pkt2mbufc_csum: the checksum flags of the first slot are the packet's")
    func checksumFlags() throws {
        var scene = try TransmitScene()
        scene.publish([
            data(100, flags: [.checksumBlank, .dataValidated, .moreData]), data(40, flags: []),
        ])
        #expect(try scene.assemble() == .forward)
        #expect(scene.packet.flags.isSuperset(of: [.checksumBlank, .dataValidated]))
    }
}
