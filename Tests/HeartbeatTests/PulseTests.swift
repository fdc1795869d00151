// SPDX-License-Identifier: Apache-2.0
import Glibc
import Heartbeat
import SharedMemory
import TestSupport
import Testing

@Suite("The heartbeat page")
struct PulseTests {
    /// A time whose halves are equal, so that a torn one shows.
    private static func time(_ number: UInt32) -> UInt64 { UInt64(number) << 32 | UInt64(number) }

    @Test("a beat is read as it was made, and disturbs no other slot")
    func beatIsRead() throws {
        let words = CountedWords(wordCount: 64)
        let page = HeartbeatPage(formatting: words, slotCount: 3)
        var pulse = page.pulse(ofSlot: 1)
        #expect(page.lastBeat(ofSlot: 1) == nil)
        #expect(page.activity(ofSlot: 1) == .stopped)
        pulse.beat(at: 0xFEDC_BA98_7654_3210)
        pulse.enter(.transmit)
        pulse.showProgress(transmitPackets: 1 << 32 + 7, receivePackets: 9)
        let other = try HeartbeatPage(attachingTo: words)
        #expect(
            other.lastBeat(ofSlot: 1) == Beat(sequence: 2, nanoseconds: 0xFEDC_BA98_7654_3210))
        #expect(other.activity(ofSlot: 1) == .transmit)
        #expect(other.progress(ofSlot: 1) == (transmit: UInt32(truncatingIfNeeded: 1 << 32 + 7), 9))
        #expect(other.lastBeat(ofSlot: 0) == nil)
        #expect(other.lastBeat(ofSlot: 2) == nil)
        #expect(words.words[48...].allSatisfy { $0 == 0 })
    }

    @Test("memory that is no heartbeat page, or claims more slots than it has, is refused")
    func foreignMemoryIsRefused() {
        let words = CountedWords(wordCount: 64)
        #expect(throws: HeartbeatFault.foreignMagic(0)) { try HeartbeatPage(attachingTo: words) }
        _ = HeartbeatPage(formatting: words, slotCount: 3)
        words.storeRelaxed(4, at: 2)
        #expect(throws: HeartbeatFault.slotCount(claimed: 4, room: 3)) {
            try HeartbeatPage(attachingTo: words)
        }
        words.storeRelaxed(.max, at: 2)
        #expect(throws: HeartbeatFault.slotCount(claimed: .max, room: 3)) {
            try HeartbeatPage(attachingTo: words)
        }
        words.storeRelaxed(2, at: 1)
        #expect(throws: HeartbeatFault.unknownVersion(2)) {
            try HeartbeatPage(attachingTo: words)
        }
        #expect(throws: HeartbeatFault.slotCount(claimed: 0, room: 0)) {
            try HeartbeatPage(attachingTo: CountedWords(wordCount: 15))
        }
    }

    @Test("a number that names no activity is nil")
    func foreignActivity() {
        let words = CountedWords(wordCount: 32)
        let page = HeartbeatPage(formatting: words, slotCount: 1)
        words.storeRelaxed(99, at: 16 + 3)
        #expect(page.activity(ofSlot: 0) == nil)
    }

    @Test(
        "who dies in a beat leaves the last whole one or none, and a successor beats on",
        arguments: 0..<4)
    func deathInABeat(store: Int) {
        let words = CountedWords(wordCount: 32)
        let page = HeartbeatPage(formatting: words, slotCount: 1)
        var pulse = page.pulse(ofSlot: 0)
        pulse.beat(at: Self.time(1))
        words.restart(crashAtStore: store)
        pulse.beat(at: Self.time(2))
        let found = page.lastBeat(ofSlot: 0)
        #expect(found == (store == 0 ? Beat(sequence: 2, nanoseconds: Self.time(1)) : nil))
        words.restart()
        var successor = page.pulse(ofSlot: 0)
        successor.beat(at: Self.time(3))
        let expected: UInt32 = store == 0 ? 4 : 6
        #expect(
            page.lastBeat(ofSlot: 0) == Beat(sequence: expected, nanoseconds: Self.time(3)))
    }

    @Test("beats go on over the wrap of the sequence, which never reads as never")
    func sequenceWraps() {
        let words = CountedWords(wordCount: 32)
        let page = HeartbeatPage(formatting: words, slotCount: 1)
        words.storeRelaxed(.max - 5, at: 16)
        var pulse = page.pulse(ofSlot: 0)
        var seen: [UInt32] = []
        for number in 1...4 as ClosedRange<UInt32> {
            pulse.beat(at: Self.time(number))
            let beat = page.lastBeat(ofSlot: 0)
            #expect(beat?.nanoseconds == Self.time(number))
            seen.append(beat?.sequence ?? 0)
        }
        #expect(seen == [.max - 3, .max - 1, 2, 4])
        let early = Beat(sequence: .max - 3, nanoseconds: 0)
        #expect(Beat(sequence: 4, nanoseconds: 0).count(since: early) == 4)
    }

    /// What a reader finds at all interleavings with two beats: halves of a time, or nothing.
    private static func readings(
        order: StoreBufferModel.StoreOrder, releasesAct: Bool
    ) -> Set<[UInt32]> {
        let prepared = CountedWords(wordCount: 32)
        let page = HeartbeatPage(formatting: prepared, slotCount: 1)
        var pulse = page.pulse(ofSlot: 0)
        pulse.beat(at: time(1))
        let model = StoreBufferModel(
            memory: prepared.words, order: order, releasesAct: releasesAct,
            programs: [
                { words in
                    guard let page = try? HeartbeatPage(attachingTo: words) else { return [] }
                    var pulse = page.pulse(ofSlot: 0)
                    words.begin()
                    pulse.beat(at: time(2))
                    pulse.beat(at: time(3))
                    return []
                },
                { words in
                    guard let page = try? HeartbeatPage(attachingTo: words) else { return [] }
                    words.begin()
                    guard let beat = page.lastBeat(ofSlot: 0) else { return [] }
                    return [
                        beat.sequence, UInt32(truncatingIfNeeded: beat.nanoseconds >> 32),
                        UInt32(truncatingIfNeeded: beat.nanoseconds),
                    ]
                },
            ])
        return Set(model.outcomes.map { $0[1] })
    }

    @Test(
        "no interleaving shows a reader half of one time and half of another",
        arguments: [StoreBufferModel.StoreOrder.total, .partial])
    func neverTorn(order: StoreBufferModel.StoreOrder) {
        let whole: Set<[UInt32]> = [[2, 1, 1], [4, 2, 2], [6, 3, 3]]
        let found = Self.readings(order: order, releasesAct: true)
        #expect(found.subtracting(whole).isSubset(of: [[]]))
        #expect(found.isSuperset(of: whole))
    }

    @Test("without the releases a time is torn where stores may overtake stores")
    func releasesMatter() {
        let torn = Self.readings(order: .partial, releasesAct: false).contains { reading in
            !reading.isEmpty && reading[1] != reading[2]
        }
        #expect(torn)
    }

    @Test("a thread that reads while another beats sees whole times that never go back")
    func twoThreads() {
        let memory = RingPage()
        let page = HeartbeatPage(formatting: memory.words, slotCount: 2)
        let last: UInt32 = 200_000
        let writer = TestThread {
            var pulse = page.pulse(ofSlot: 1)
            for number in 1...last { pulse.beat(at: Self.time(number)) }
        }
        var newest = Beat(sequence: 0, nanoseconds: 0)
        var faults = 0
        while newest.nanoseconds != Self.time(last) {
            guard let beat = page.lastBeat(ofSlot: 1) else {
                sched_yield()
                continue
            }
            let number = UInt32(truncatingIfNeeded: beat.nanoseconds)
            if beat.nanoseconds != Self.time(number) || beat.sequence != 2 * number
                || beat.nanoseconds < newest.nanoseconds
            {
                faults += 1
            }
            newest = beat
        }
        writer.join()
        #expect(faults == 0)
        withExtendedLifetime(memory) {}
    }
}
