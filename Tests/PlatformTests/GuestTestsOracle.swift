// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import SharedMemory
import Testing

/// For each rule, a backend that breaks it.
@Suite struct GuestTestsOracle {
    @Test(
        "a backend that breaks a rule is caught, by that rule alone",
        arguments: FrontendRule.allCases)
    func eachRule(rule: FrontendRule) throws {
        var features = GuestBench.allFeatures
        if rule == .receiveNotNegotiated { features.remove(.segmentationTCPv4) }
        let bench = try GuestBench(features: features)
        try breakTransmit(rule, bench)
        breakReceive(rule, bench)
        let oracle = bench.queue.oracle
        for other in FrontendRule.allCases {
            #expect(oracle.count(of: other) == (other == rule ? 1 : 0), "\(other)")
        }
        #expect(oracle.count(of: rule.severity) == 1)
        #expect((oracle.broken?.rule == rule) == (rule.severity == .broken))
        #expect((oracle.firstIncompatible?.rule == rule) == (rule.severity == .incompatible))
        #expect((oracle.firstDropped?.rule == rule) == (rule.severity == .dropped))
        if rule.severity == .broken {
            #expect(bench.send([UInt8](repeating: 1, count: 60)) == nil)
            #expect(!bench.deliver([bench.data()]))
        } else {
            // The vif lives: the next packets pass.
            #expect(bench.send([UInt8](repeating: 1, count: 60)) == .sent)
            #expect(bench.deliver([bench.data()]))
        }
    }

    private func breakTransmit(_ rule: FrontendRule, _ bench: GuestBench) throws {
        let words = bench.tx.words
        switch rule {
        case .responsesOverrun:
            let producer = bench.start.advanced(by: 300)
            words.storeRelease(producer.rawValue, at: RingLayout.responseProducer)
            bench.queue.takeTransmitResponses(bench.guest)
        case .responsesMovedBack:
            let producer = bench.start.advanced(by: UInt32.max)
            words.storeRelease(producer.rawValue, at: RingLayout.responseProducer)
            bench.queue.takeTransmitResponses(bench.guest)
        case .transmitIDOutOfRange:
            _ = try bench.sendOne()
            bench.answer([TransmitResponse(id: 256, status: 0)])
        case .transmitIDNotPending:
            let id = try bench.sendOne()
            bench.answer([TransmitResponse(id: id ^ 1, status: 0)])
        case .transmitIDAnsweredTwice:
            let id = try bench.sendOne()
            _ = try bench.sendOne()
            bench.answer([
                TransmitResponse(id: id, status: 0), TransmitResponse(id: id, status: 0),
            ])
        case .transmitGrantInUse:
            let id = try bench.sendOne()
            bench.guest.held = [GuestBench.firstGrant + 258 + UInt32(id)]
            bench.answer([TransmitResponse(id: id, status: 0)])
        case .transmitNullOnData:
            _ = try bench.sendOne()
            bench.answer([TransmitResponse(id: 0, status: 1)])
        case .transmitNullNotAdjacent:
            let (first, second) = try sendLarge(bench)
            bench.answer([first, second, TransmitResponse(id: 0, status: 1)])
        default: break
        }
    }

    private func breakReceive(_ rule: FrontendRule, _ bench: GuestBench) {
        let offload: ReceiveFlags = [.checksumBlank, .dataValidated, .extraInfo]
        let gso = ExtraInfo(segmentation: SegmentationOffload(size: 1448, kind: .tcpv4)).slot
        bench.fill(GuestFrame.tcpv4(payload: 100))
        switch rule {
        case .receiveGrantInUse:
            let request = ReceiveRequest(bench.rx.copyRequest(offset: 0))
            bench.guest.held = [request.grantReference]
            _ = bench.deliver([bench.data()])
        case .receiveIDMismatch:
            let id = bench.receiveID() ^ 1
            _ = bench.deliver([ReceiveResponse(id: id, offset: 0, flags: [], status: 60).slot])
        case .receiveSegmentWithoutChecksum:
            _ = bench.deliver([bench.data(flags: [.extraInfo, .checksumBlank]), gso])
        case .receiveNotNegotiated:
            _ = bench.deliver([bench.data(flags: offload), gso])
        case .receiveErrorStatus:
            _ = bench.deliver([ReceiveResponse.error(id: bench.receiveID()).slot])
        case .receivePageCrossed:
            let response = ReceiveResponse(
                id: bench.receiveID(), offset: 4000, flags: [], status: 97)
            _ = bench.deliver([response.slot])
        case .receiveExtraCut: _ = bench.deliver([bench.data(flags: [.extraInfo])])
        case .receiveExtraInvalid:
            let extra = ExtraInfo(type: 0, hasMore: false).slot
            _ = bench.deliver([bench.data(flags: [.extraInfo]), extra])
        case .receiveChainCut: _ = bench.deliver([bench.data(flags: [.moreData])])
        case .receiveTooManySlots:
            let slots = (0..<19).map {
                bench.data($0, count: 257, flags: $0 < 18 ? [.moreData] : [])
            }
            _ = bench.deliver(slots)
        case .receiveSegmentSizeZero:
            let extra = ExtraInfo(segmentation: SegmentationOffload(size: 0, kind: .tcpv4)).slot
            _ = bench.deliver([bench.data(flags: offload), extra])
        case .receiveSegmentKindInvalid:
            let extra = ExtraInfo(type: 1, hasMore: false, payload0: 1448, payload1: 3).slot
            _ = bench.deliver([bench.data(flags: offload), extra])
        case .receiveChecksumUnplaceable:
            bench.fill(GuestFrame.arp())
            _ = bench.deliver([bench.data(count: 60, flags: [.checksumBlank])])
        case .receiveTooShort: _ = bench.deliver([bench.data(count: 13)])
        default: break
        }
    }

    /// Sends a packet of two data slots and an extra; what answers its data slots.
    private func sendLarge(
        _ bench: GuestBench
    ) throws -> (TransmitResponse, TransmitResponse) {
        var header = VnetHeader()
        header.flags = VnetHeader.needsChecksum
        header.gsoType = VnetHeader.gsoTCPv4
        header.gsoSize = 1448
        _ = bench.send(GuestFrame.tcpv4(payload: 5000), header: header)
        let slots = try bench.takeRequests()
        #expect(slots.count == 3)
        return (
            TransmitResponse(id: TransmitRequest(slots[0]).id, status: 0),
            TransmitResponse(id: TransmitRequest(slots[2]).id, status: 0)
        )
    }

    @Test("a request that is written but not published is not pending")
    func stagedIsNotPending() throws {
        let bench = try GuestBench()
        _ = try bench.sendOne()
        #expect(bench.send([UInt8](repeating: 1, count: 60), publishes: false) == .sent)
        let staged = bench.tx.copyRequest(offset: 0)
        bench.answer([TransmitResponse(id: TransmitRequest(staged).id, status: 0)])
        #expect(bench.queue.oracle.broken?.rule == .transmitIDNotPending)
    }

    @Test("NULL answers may come anywhere but apart from their packet's first answer")
    func nullAdjacency() throws {
        let null = TransmitResponse(id: 0, status: 1)
        // Which answers, in which steps: 0 the first data slot, 1 the second, 2 the extra.
        let cases: [(steps: [[Int]], breaches: UInt64)] = [
            ([[0, 2, 1]], 0), ([[1, 0, 2]], 0), ([[1], [0, 2]], 0), ([[0, 2], [1]], 0),
            ([[0, 1, 2]], 1), ([[2, 0, 1]], 1), ([[0], [2, 1]], 1), ([[0], [1, 2]], 1),
        ]
        for (steps, breaches) in cases {
            let bench = try GuestBench()
            let (first, second) = try sendLarge(bench)
            for step in steps { bench.answer(step.map { [first, second, null][$0] }) }
            let oracle = bench.queue.oracle
            #expect(oracle.count(of: .transmitNullNotAdjacent) == breaches, "\(steps)")
            #expect(oracle.count(of: .transmitNullOnData) == 0)
            #expect(oracle.broken == nil)
            #expect(bench.queue.outstandingTransmits == 0)
        }
    }

    @Test("rsp_prod that goes back without passing what was taken is caught too")
    func movesBackWithinSeen() throws {
        let bench = try GuestBench()
        bench.publish([bench.data(0), bench.data(1)])
        #expect(bench.nextPacket())
        let words = bench.rx.words
        words.storeRelease(bench.start.next.rawValue, at: RingLayout.responseProducer)
        #expect(!bench.nextPacket())
        #expect(bench.queue.oracle.broken?.rule == .responsesMovedBack)
        #expect(bench.queue.oracle.broken?.ring == .rx)
    }

    @Test("the rest of a packet that was cut at rsp_prod is taken for a packet of its own")
    func chainCut() throws {
        let bench = try GuestBench()
        #expect(!bench.deliver([bench.data(flags: [.moreData])]))
        #expect(bench.deliver([bench.data(count: 200)]))
        #expect(bench.queue.statistics.receivePackets == 1)
        #expect(bench.queue.statistics.receiveDropped == 1)
    }

    @Test("one slot more is allowed after a short first slot, and no more")
    func slotsMax() throws {
        for (count, first, passes) in [(18, 257, true), (19, 256, true), (20, 256, false)] {
            let bench = try GuestBench()
            let slots = (0..<count).map {
                bench.data($0, count: first, flags: $0 < count - 1 ? [.moreData] : [])
            }
            #expect(bench.deliver(slots) == passes)
            #expect(bench.queue.statistics.receiveSlots == UInt64(count))
        }
    }

    @Test("a breach says in words which rule, ring, position and value")
    func description() throws {
        let bench = try GuestBench(start: 7)
        _ = try bench.sendOne()
        bench.answer([TransmitResponse(id: 999, status: 0)])
        #expect(
            bench.queue.oracle.broken?.description
                == "transmitIDOutOfRange on the tx ring at rsp_cons 7: 999 as the id of a "
                + "response, past the largest there is (bound 255)")
    }
}
