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
        for version: UInt32 in [1, 3] {
            words.storeRelaxed(version, at: 1)
            #expect(throws: HeartbeatFault.unknownVersion(version)) {
                try HeartbeatPage(attachingTo: words)
            }
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

    @Test("a rest is read with the beat that announces it, and ends with the next beat")
    func restIsRead() {
        let words = CountedWords(wordCount: 48)
        let page = HeartbeatPage(formatting: words, slotCount: 2)
        var pulse = page.pulse(ofSlot: 0)
        pulse.beat(at: 100)
        #expect(page.lastBeat(ofSlot: 0) == Beat(sequence: 2, nanoseconds: 100))
        pulse.rest(at: 200, until: 1 << 40 + 300)
        let resting = page.lastBeat(ofSlot: 0)
        #expect(resting == Beat(sequence: 4, nanoseconds: 200, quietUntil: 1 << 40 + 300))
        #expect(resting?.announcesRest == true)
        #expect(page.activity(ofSlot: 0) == .resting)
        pulse.beat(at: 250)
        let woken = page.lastBeat(ofSlot: 0)
        #expect(woken == Beat(sequence: 6, nanoseconds: 250, quietUntil: 250))
        #expect(woken?.announcesRest == false)
        // Where the last rest ended stays to be read.
        pulse.beat(at: 400)
        #expect(page.lastBeat(ofSlot: 0) == Beat(sequence: 8, nanoseconds: 400, quietUntil: 250))
        #expect(words.words[32...].allSatisfy { $0 == 0 })
    }

    @Test("a beat is four stores, and six where it ends a rest")
    func beatIsCheap() {
        let words = CountedWords(wordCount: 32)
        var pulse = HeartbeatPage(formatting: words, slotCount: 1).pulse(ofSlot: 0)
        words.restart()
        pulse.beat(at: 1)
        #expect(words.storeCount == 4)
        pulse.rest(at: 2, until: 3)
        words.restart()
        pulse.beat(at: 3)
        #expect(words.storeCount == 6)
        words.restart()
        pulse.beat(at: 4)
        #expect(words.storeCount == 4)
    }

    @Test(
        "who dies while announcing a rest leaves the last whole beat or none, or the whole rest",
        arguments: 0..<7)
    func deathInARest(store: Int) {
        let words = CountedWords(wordCount: 32)
        let page = HeartbeatPage(formatting: words, slotCount: 1)
        var pulse = page.pulse(ofSlot: 0)
        pulse.beat(at: Self.time(1))
        words.restart(crashAtStore: store)
        pulse.rest(at: Self.time(2), until: Self.time(9))
        let found = page.lastBeat(ofSlot: 0)
        switch store {
        case 0: #expect(found == Beat(sequence: 2, nanoseconds: Self.time(1)))
        case 1..<6: #expect(found == nil)
        default:
            #expect(
                found
                    == Beat(sequence: 4, nanoseconds: Self.time(2), quietUntil: Self.time(9)))
        }
        // The successor's first beat ends the rest, however much of it was announced.
        words.restart()
        var successor = page.pulse(ofSlot: 0)
        successor.beat(at: Self.time(3))
        #expect(page.lastBeat(ofSlot: 0)?.nanoseconds == Self.time(3))
        #expect(page.lastBeat(ofSlot: 0)?.announcesRest == false)
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

    /// What a reader finds at all interleavings with a rest, or with a beat and a rest: the
    /// sequence and the halves of both times, or nothing.
    private static func readings(
        order: StoreBufferModel.StoreOrder, releasesAct: Bool, beatsFirst: Bool
    ) -> Set<[UInt32]> {
        let prepared = CountedWords(wordCount: 32)
        let page = HeartbeatPage(formatting: prepared, slotCount: 1)
        var pulse = page.pulse(ofSlot: 0)
        pulse.rest(at: time(1), until: time(7))
        let model = StoreBufferModel(
            memory: prepared.words, order: order, releasesAct: releasesAct,
            programs: [
                { words in
                    guard let page = try? HeartbeatPage(attachingTo: words) else { return [] }
                    var pulse = page.pulse(ofSlot: 0)
                    words.begin()
                    if beatsFirst { pulse.beat(at: time(2)) }
                    pulse.rest(at: time(3), until: time(9))
                    return []
                },
                { words in
                    guard let page = try? HeartbeatPage(attachingTo: words) else { return [] }
                    words.begin()
                    guard let beat = page.lastBeat(ofSlot: 0) else { return [] }
                    return [
                        beat.sequence, UInt32(truncatingIfNeeded: beat.nanoseconds >> 32),
                        UInt32(truncatingIfNeeded: beat.nanoseconds),
                        UInt32(truncatingIfNeeded: beat.quietUntil >> 32),
                        UInt32(truncatingIfNeeded: beat.quietUntil),
                    ]
                },
            ])
        return Set(model.outcomes.map { $0[1] })
    }

    @Test(
        "no interleaving shows a reader half of one time and half of another",
        arguments: [StoreBufferModel.StoreOrder.total, .partial])
    func neverTorn(order: StoreBufferModel.StoreOrder) {
        let whole: Set<[UInt32]> = [
            [2, 1, 1, 7, 7], [4, 2, 2, 2, 2], [6, 3, 3, 9, 9],
        ]
        let found = Self.readings(order: order, releasesAct: true, beatsFirst: true)
        #expect(found.subtracting(whole).isSubset(of: [[]]))
        #expect(found.isSuperset(of: whole))
    }

    @Test("without the releases a time is torn where stores may overtake stores")
    func releasesMatter() {
        let found = Self.readings(order: .partial, releasesAct: false, beatsFirst: false)
        let torn = found.contains { reading in
            !reading.isEmpty && reading[1] != reading[2]
        }
        #expect(torn)
        let isRestTorn = found.contains { !$0.isEmpty && $0[3] != $0[4] }
        #expect(isRestTorn)
    }

    @Test("a thread that reads while another beats sees whole times that never go back")
    func twoThreads() {
        let memory = RingPage()
        let page = HeartbeatPage(formatting: memory.words, slotCount: 2)
        let last: UInt32 = 200_000
        let writer = TestThread {
            var pulse = page.pulse(ofSlot: 1)
            for number in 1...last {
                if number % 3 == 0 {
                    pulse.rest(at: Self.time(number), until: Self.time(number + 1))
                } else {
                    pulse.beat(at: Self.time(number))
                }
            }
        }
        var newest = Beat(sequence: 0, nanoseconds: 0)
        var faults = 0
        while newest.nanoseconds != Self.time(last) {
            guard let beat = page.lastBeat(ofSlot: 1) else {
                sched_yield()
                continue
            }
            let number = UInt32(truncatingIfNeeded: beat.nanoseconds)
            // The rest that is announced, or the end of the one before.
            let quiet: UInt32 =
                switch number % 3 {
                case 0: number + 1
                case 1: number == 1 ? 0 : number
                default: number == 2 ? 0 : number - 1
                }
            if beat.nanoseconds != Self.time(number) || beat.sequence != 2 * number
                || beat.quietUntil != Self.time(quiet)
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
