// SPDX-License-Identifier: Apache-2.0
import Netif
import Ring
import TestSupport
import Testing

/// Every packet shape of up to four slots, and random ones of up to forty, against the oracle.
@Suite("Packet shapes")
struct PacketShapeTests {
    /// A ring into which slots are written directly, as a guest can.
    struct RawRing: ~Copyable {
        let words = ScratchWords()
        let back: BackRing<ScratchWords, TransmitFormat>
        let start: RingIndex
        var packet = TransmitPacket()

        init(startingAt start: UInt32) throws {
            self.start = RingIndex(start)
            _ = FrontRing<ScratchWords, TransmitFormat>(
                initializing: words, startingAt: self.start)
            back = try BackRing(attachingTo: words)
        }

        func write(_ slot: SlotWords, at position: Int) {
            words.writeSlot(
                slot, at: TransmitFormat.firstWord(of: start.advanced(by: UInt32(position))),
                count: 3)
        }

        mutating func verdict(published: Int, at offset: Int = 0) -> ShapeOracle.Verdict {
            let outcome = PacketAssembler.assemble(
                from: back, available: UInt32(published), at: UInt32(offset), into: &packet)
            switch outcome {
            case .close(let fault):
                return fault.isFatal ? .close : .answer(slots: -1)
            case .answer(let fault):
                let honest = !fault.isFatal && packet.pieceCount == 0
                return .answer(slots: honest ? packet.slotCount : -1)
            case .forward:
                let offload = packet.offload.map { [Int($0.size), Int($0.kind.rawValue)] } ?? []
                let pieces = packet.pieceList.map {
                    [Int($0.grantReference), Int($0.pageOffset), Int($0.size), Int($0.slot)]
                }
                return .forward(
                    slots: packet.slotCount, pieces: pieces, size: packet.size, offload: offload)
            }
        }

        /// What an honest caller may rely on, whatever the guest wrote.
        func invariantsHold(_ verdict: ShapeOracle.Verdict, published: Int) -> Bool {
            switch verdict {
            case .close: return true
            case .answer(let slots): return slots >= 1 && slots <= published
            case .forward(let slots, let pieces, let size, _):
                return slots >= 1 && slots <= published
                    && slots <= NetifLimits.answersPerPacketMax
                    && pieces.count <= NetifLimits.slotsPerPacketMax
                    && pieces.reduce(0) { $0 + $1[2] } == size
                    && pieces.allSatisfy { $0[2] > 0 && $0[1] + $0[2] <= 4096 }
            }
        }
    }

    private static func seen(_ slot: SlotWords) -> ShapeOracle.Slot {
        let words = [slot.word0, slot.word1, slot.word2]
        return ShapeOracle.Slot(
            bytes: words.flatMap { word in
                (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) }
            })
    }

    static let flagsOfFirst: [TransmitFlags] = [
        [], .moreData, .extraInfo, [.moreData, .extraInfo],
    ]

    static let firsts: [SlotWords] = flagsOfFirst.flatMap { flags in
        [UInt16(0), 13, 14, 114, 214, 4096, 4110, 65_535].flatMap { size in
            [UInt16(0), 3982].map { data(size, offset: $0, flags: flags, id: 1, page: 1) }
        }
    }

    static let others: [SlotWords] = [false, true].flatMap { hasMore in
        let flags: TransmitFlags = hasMore ? .moreData : []
        return [
            data(0, flags: flags, id: 2, page: 2), data(100, flags: flags, id: 2, page: 2),
            data(4096, flags: flags, id: 3, page: 3),
            data(100, offset: 3997, flags: flags, id: 4, page: 2),
            segmentation(1448, kind: 2, hasMore: hasMore), segmentation(0, hasMore: hasMore),
            segmentation(1448, kind: 3, hasMore: hasMore), extra(2, hasMore: hasMore),
            extra(4, hasMore: hasMore), extra(5, hasMore: hasMore),
        ]
    }

    @Test("every shape of up to four slots is judged as the oracle judges it", arguments: 1...4)
    func exhaustive(published: Int) throws {
        var ring = try RawRing(startingAt: .max - 1)
        let seenFirsts = Self.firsts.map(Self.seen)
        let seenOthers = Self.others.map(Self.seen)
        var shape = [ShapeOracle.Slot](repeating: seenFirsts[0], count: published)
        var tails = 1
        for _ in 1..<max(published, 1) { tails *= seenOthers.count }
        var wrong = 0
        for first in Self.firsts.indices {
            ring.write(Self.firsts[first], at: 0)
            shape[0] = seenFirsts[first]
            for tail in 0..<tails {
                var digits = tail
                for position in 1..<max(published, 1) {
                    let digit = digits % seenOthers.count
                    digits /= seenOthers.count
                    ring.write(Self.others[digit], at: position)
                    shape[position] = seenOthers[digit]
                }
                let expected = ShapeOracle.verdict(shape)
                let got = ring.verdict(published: published)
                if got != expected || !ring.invariantsHold(got, published: published) {
                    wrong += 1
                    if wrong <= 5 {
                        Issue.record("first \(first), tail \(tail): \(got), not \(expected)")
                    }
                }
            }
        }
        #expect(wrong == 0)
    }

    /// A slot that is often almost right.
    private static func randomSlot(_ random: inout SplitMix64, isFirst: Bool) -> SlotWords {
        let bits = random.next()
        if bits % 16 == 0 {
            return SlotWords(
                UInt32(truncatingIfNeeded: random.next()),
                UInt32(truncatingIfNeeded: random.next()),
                UInt32(truncatingIfNeeded: random.next()))
        }
        if !isFirst && bits % 16 < 3 {
            return segmentation(
                UInt16(truncatingIfNeeded: bits >> 8) % 3, kind: UInt8(bits >> 24 & 3),
                hasMore: bits >> 32 & 3 == 0)
        }
        let sizes: [UInt16] = [0, 1, 14, 60, 100, 4096]
        var size = sizes[Int(bits >> 8 & 0xFF) % sizes.count]
        if isFirst { size = UInt16(truncatingIfNeeded: bits >> 16) % 8192 }
        var flags: TransmitFlags = bits >> 32 % 8 < 7 ? .moreData : []
        if bits >> 40 & 7 == 0 { flags = [] }
        if isFirst && bits >> 44 & 3 == 0 { flags.insert(.extraInfo) }
        return data(
            size, offset: bits >> 48 & 31 == 0 ? UInt16(truncatingIfNeeded: bits) : 0,
            flags: flags, id: UInt16(truncatingIfNeeded: bits >> 20),
            page: UInt32(truncatingIfNeeded: bits >> 24))
    }

    @Test("a hundred thousand random rings never trap and are judged alike", arguments: 0..<4)
    func random(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var (forwarded, answered, closed) = (0, 0, 0)
        var ring = try RawRing(startingAt: .max - UInt32(random.next() % 30))
        for round in 0..<25_000 {
            let published = 1 + Int(random.next() % 40)
            let offset = Int(random.next() % UInt64(published))
            var shape = [ShapeOracle.Slot]()
            for position in offset..<published {
                let slot = Self.randomSlot(&random, isFirst: position == offset)
                ring.write(slot, at: position)
                shape.append(Self.seen(slot))
            }
            let expected = ShapeOracle.verdict(shape)
            let got = ring.verdict(published: published, at: offset)
            let holds = ring.invariantsHold(got, published: published - offset)
            guard got == expected, holds else {
                Issue.record("seed \(seed), round \(round): \(got), not \(expected)")
                return
            }
            switch got {
            case .forward: forwarded += 1
            case .answer: answered += 1
            case .close: closed += 1
            }
        }
        // The generator reaches all three.
        #expect(forwarded > 500 && answered > 500 && closed > 500, "seed \(seed)")
    }

    @Test("slots that change with every load never trap and break no promise", arguments: 0..<4)
    func changing(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var ring = try RawRing(startingAt: .max - 100)
        ring.words.tamper = { word, value in
            if word < RingLayout.firstSlot { return value }
            let slot = Self.randomSlot(&random, isFirst: random.next() % 8 == 0)
            return [slot.word0, slot.word1, slot.word2][(word - RingLayout.firstSlot) % 3]
        }
        for round in 0..<5000 {
            let got = ring.verdict(published: 256)
            guard ring.invariantsHold(got, published: 256) else {
                Issue.record("seed \(seed), round \(round): \(got)")
                return
            }
        }
    }
}
