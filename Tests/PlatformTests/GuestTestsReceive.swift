// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import TestSupport
import Testing

/// What the emulated frontend makes of what it is sent.
@Suite struct GuestTestsReceive {
    @Test("a single slot becomes one piece at its offset")
    func oneSlot() throws {
        let bench = try GuestBench()
        bench.fill([UInt8](0..<250))
        let response = ReceiveResponse(
            id: bench.receiveID(), offset: 50, flags: .dataValidated, status: 120)
        #expect(bench.deliver([response.slot]))
        #expect(bench.packetBytes == [UInt8](50..<170))
        #expect(bench.packet.header.flags == VnetHeader.dataValid)
        #expect(bench.packet.header.gsoType == 0)
    }

    @Test("a blank checksum says where to sum and where to put it", arguments: [4, 6])
    func blankChecksum(version: Int) throws {
        let bench = try GuestBench()
        let frame =
            version == 4 ? GuestFrame.tcpv4(payload: 50) : GuestFrame.tcpv6(payload: 50)
        bench.fill(frame)
        let flags: ReceiveFlags = [.checksumBlank, .dataValidated]
        #expect(bench.deliver([bench.data(count: frame.count, flags: flags)]))
        let header = bench.packet.header
        #expect(header.flags == VnetHeader.needsChecksum)
        #expect(header.checksumStart == (version == 4 ? 34 : 54))
        #expect(header.checksumOffset == 16)
        #expect(header.gsoType == 0 && header.gsoSize == 0)
    }

    @Test("headers in several short pieces are read all the same")
    func scatteredHeaders() throws {
        let bench = try GuestBench()
        let frame = GuestFrame.tcpv4(payload: 500)
        let cuts = [0, 3, 20, 35, 60, frame.count]
        var slots: [SlotWords] = []
        for position in 0..<cuts.count - 1 {
            let piece = Array(frame[cuts[position]..<cuts[position + 1]])
            bench.fill(piece, request: position)
            var flags: ReceiveFlags = position < cuts.count - 2 ? [.moreData] : []
            if position == 0 { flags.formUnion([.checksumBlank, .dataValidated]) }
            slots.append(bench.data(position, count: piece.count, flags: flags))
        }
        #expect(bench.deliver(slots))
        #expect(bench.packetBytes == frame)
        #expect(bench.packet.header.checksumStart == 34)
    }

    @Test("a large packet of another protocol than its headers say is dropped")
    func segmentMismatch() throws {
        let bench = try GuestBench()
        bench.fill(GuestFrame.tcpv4(payload: 100))
        let flags: ReceiveFlags = [.checksumBlank, .dataValidated, .extraInfo]
        let extra = ExtraInfo(segmentation: SegmentationOffload(size: 1400, kind: .tcpv6)).slot
        #expect(!bench.deliver([bench.data(count: 154, flags: flags), extra]))
        #expect(bench.queue.oracle.count(of: .receiveSegmentKindInvalid) == 1)
    }

    @Test("what was not offered is counted")
    func notNegotiated() throws {
        let all = GuestBench.allFeatures
        let blank: ReceiveFlags = [.checksumBlank, .dataValidated]
        let cases: [(FrontendFeatures, [UInt8], [ReceiveFlags])] = [
            (.scatterGather, GuestFrame.tcpv4(payload: 40), [.moreData, []]),
            (.checksumIPv4, GuestFrame.tcpv4(payload: 40), [blank]),
            (.checksumIPv6, GuestFrame.tcpv6(payload: 40), [blank]),
        ]
        for (missing, frame, flags) in cases {
            for features in [all, all.subtracting(missing)] {
                let bench = try GuestBench(features: features)
                bench.fill(frame)
                let slots = flags.enumerated().map {
                    bench.data($0.offset, count: frame.count, flags: $0.element)
                }
                #expect(bench.deliver(slots) == (features == all))
                let count = bench.queue.oracle.count(of: .receiveNotNegotiated)
                #expect(count == (features == all ? 0 : 1))
            }
        }
    }

    @Test("a frontend that numbers its buffers by itself expects its numbers back")
    func scatteredIDs() throws {
        let bench = try GuestBench(ids: .scattered)
        var seen: Set<UInt16> = []
        for offset in 0..<256 { seen.insert(bench.receiveID(offset)) }
        #expect(seen.count == 256 && seen.allSatisfy { $0 >= 256 })
        for _ in 0..<300 { #expect(bench.deliver([bench.data()])) }
        _ = bench.deliver([ReceiveResponse(id: 3, offset: 0, flags: [], status: 60).slot])
        #expect(bench.queue.oracle.count(of: .receiveIDMismatch) == 1)
    }

    @Test("frames of all sizes come back as they went", arguments: UInt64(0)..<24)
    func echo(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let bench = try GuestBench(
            start: UInt32.max - UInt32.random(in: 0..<200, using: &random),
            ids: Bool.random(using: &random) ? .slot : .scattered)
        for _ in 0..<25 {
            var sent: [([UInt8], VnetHeader)] = []
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let (frame, header) = randomFrame(&random)
                let offset = Int.random(in: 0..<4096, using: &random)
                guard let outcome = bench.send(frame, offset: offset, header: header) else {
                    break
                }
                #expect(outcome == .sent, "seed \(seed)")
                sent.append((frame, header))
            }
            let packets = try bench.takePackets(&random)
            for (frame, header) in sent.reversed() { try bench.echo(frame, header) }
            #expect(packets.map(\.frame) == sent.map(\.0), "seed \(seed)")
            #expect(packets.map(\.hasExtra) == sent.map { $0.1.gsoType != 0 })
            for (frame, header) in sent.reversed() {
                let found = bench.nextPacket()
                #expect(found, "seed \(seed)")
                #expect(bench.packetBytes == frame, "seed \(seed)")
                #expect(bench.packet.header == header, "seed \(seed)")
            }
            _ = bench.queue.postBuffers(bench.guest)
        }
        for rule in FrontendRule.allCases {
            #expect(bench.queue.oracle.count(of: rule) == 0, "\(rule), seed \(seed)")
        }
        #expect(bench.queue.outstandingTransmits == 0)
        let statistics = bench.queue.statistics
        #expect(statistics.receiveBytes == statistics.transmitBytes)
        #expect(statistics.receivePackets == statistics.transmitPackets)
    }

    /// A frame and the header that the guest's stack would give it and be given back.
    private func randomFrame(_ random: inout SplitMix64) -> ([UInt8], VnetHeader) {
        var header = VnetHeader()
        let seed = UInt8.random(in: 0...255, using: &random)
        let kind = Int.random(in: 0..<5, using: &random)
        let isLarge = kind >= 3
        let payload =
            isLarge
            ? Int.random(in: 1500..<24_000, using: &random)
            : Int.random(in: 0..<1400, using: &random)
        let isV6 = kind % 2 == 0
        let frame =
            isV6
            ? GuestFrame.tcpv6(payload: payload, seed: seed)
            : GuestFrame.tcpv4(payload: payload, seed: seed)
        if kind == 0 { return (frame, header) }
        header.flags = VnetHeader.needsChecksum
        header.checksumStart = isV6 ? 54 : 34
        header.checksumOffset = 16
        if isLarge {
            header.gsoType = isV6 ? VnetHeader.gsoTCPv6 : VnetHeader.gsoTCPv4
            header.gsoSize = 1400
            header.headerLength = isV6 ? 74 : 54
        }
        return (frame, header)
    }
}

extension GuestBench {
    /// Puts packets together as an honest backend does and answers them in random order.
    func takePackets(
        _ random: inout SplitMix64
    ) throws -> [(frame: [UInt8], hasExtra: Bool)] {
        var packets: [(frame: [UInt8], hasExtra: Bool)] = []
        var answers: [[TransmitResponse]] = []
        var slots = try takeRequests()[...]
        while let slot = slots.popFirst() {
            var request = TransmitRequest(slot)
            let size = Int(request.size)
            let hasExtra = request.flags.contains(.extraInfo)
            var pieces = [request]
            if hasExtra { _ = slots.popFirst() }
            while request.flags.contains(.moreData), let next = slots.popFirst() {
                request = TransmitRequest(next)
                pieces.append(request)
            }
            pieces[0].size -= UInt16(pieces.dropFirst().reduce(0) { $0 + Int($1.size) })
            let frame = pieces.flatMap { piece -> [UInt8] in
                guard let base = guest.offset(of: piece.grantReference, toWrite: false) else {
                    return []
                }
                return guest.bytes(at: base + Int(piece.offset), count: Int(piece.size))
            }
            packets.append((frame, hasExtra))
            #expect(frame.count == size)
            for (position, piece) in pieces.enumerated() {
                let answer = TransmitResponse(id: piece.id, status: 0)
                let null = TransmitResponse(id: 0, status: 1)
                answers.append(position == 0 && hasExtra ? [answer, null] : [answer])
            }
        }
        answers.shuffle(using: &random)
        let cut = Int.random(in: 0...answers.count, using: &random)
        answer(answers[..<cut].flatMap { $0 })
        answer(answers[cut...].flatMap { $0 })
        return packets
    }

    /// Delivers a frame in one step, without the frontend looking.
    func echo(_ frame: [UInt8], _ header: VnetHeader) throws {
        var offload: SegmentationOffload?
        if header.gsoType != 0 {
            offload = SegmentationOffload(
                size: header.gsoSize,
                kind: header.gsoType == VnetHeader.gsoTCPv4 ? .tcpv4 : .tcpv6)
        }
        let splitter = PacketSplitter(
            ReceivePacket(
                size: frame.count, checksumBlank: header.flags == VnetHeader.needsChecksum,
                offload: offload))
        var slots: [SlotWords] = []
        for position in 0..<splitter.slotCount {
            if !splitter.isExtra(at: position) {
                let from = splitter.frameOffset(at: position)
                let count = splitter.dataCount(at: position)
                fill(Array(frame[from..<from + count]), request: position)
            }
            slots.append(splitter.response(at: position, requestID: receiveID(position)))
        }
        publish(slots)
    }

}
