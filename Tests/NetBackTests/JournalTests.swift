// SPDX-License-Identifier: Apache-2.0
import Netif
import Platform
import Ring
import SharedMemory
import TestSupport
import Testing

@testable import NetBack

/// The journal as plain words: what is written is read again, and what nobody wrote is not
/// believed.
@Suite struct JournalTests {
    private static func journal(
        workers: Int = 2, queues: Int = 3
    ) -> (Journal<CountedWords>, CountedWords) {
        let words = CountedWords(
            wordCount: Journal<CountedWords>.wordCount(workers: workers, queues: queues))
        return (Journal(formatting: words, workers: workers, queues: queues), words)
    }

    private static let opening = QueueOpening(
        id: QueueID(
            vif: VifID(domain: DomainID(0x7FEF), device: 0x8000_0001), index: 3,
            generation: .max),
        configuration: QueueConfiguration(
            transmitRing: GrantReference(.max), receiveRing: GrantReference(7),
            transmitPort: EventChannelPort(8), receivePort: EventChannelPort(9)),
        features: [.scatterGather, .receiveNotify], frameSizeMax: 9018, slot: 2)

    // MARK: the header

    @Test("a journal that was formatted is attached to with its shape")
    func attach() throws {
        let (_, words) = Self.journal(workers: 2, queues: 3)
        let attached = try Journal(attachingTo: words)
        #expect(attached.workerCount == 2)
        #expect(attached.queueCount == 3)
        #expect(Journal.shape(of: words) == (2, 3))
    }

    @Test("a header that cannot be is refused, and says why")
    func hostileHeaders() {
        let (_, words) = Self.journal()
        func fault(_ word: Int, _ value: UInt32) -> JournalFault? {
            let before = words.loadRelaxed(at: word)
            defer { words.storeRelaxed(before, at: word) }
            words.storeRelaxed(value, at: word)
            do throws(JournalFault) {
                _ = try Journal(attachingTo: words)
                return nil
            } catch { return error }
        }
        #expect(fault(0, 0) == .foreignMagic(0))
        #expect(fault(0, JournalLayout.magic ^ 1) == .foreignMagic(JournalLayout.magic ^ 1))
        #expect(fault(1, 99) == .version(found: 99, known: JournalLayout.version))
        #expect(fault(2, 3) == .pageCount(claimed: 7, room: 6))
        #expect(fault(2, .max) == .pageCount(claimed: 4 + UInt64(UInt32.max), room: 6))
        #expect(fault(3, .max) == .pageCount(claimed: 3 + UInt64(UInt32.max), room: 6))
        #expect(fault(3, 2) == nil, "fewer pages than there is room for are fine")
        #expect(throws: JournalFault.pageCount(claimed: 1, room: 0)) {
            try Journal(attachingTo: CountedWords(wordCount: 1023))
        }
    }

    @Test("no two words of the journal's pages are at the same place")
    func pagesAreDisjoint() {
        let (journal, words) = Self.journal(workers: 2, queues: 2)
        journal.worker(0).inject(1)
        journal.worker(1).inject(2)
        journal.queue(0).transmit.intend(upTo: RingIndex(3))
        journal.queue(1).transmit.intend(upTo: RingIndex(4))
        journal.queue(0).receive.notePublished(RingIndex(5))
        #expect(journal.worker(0).injectedFault == 1)
        #expect(journal.worker(1).injectedFault == 2)
        #expect(journal.queue(0).transmit.intended == RingIndex(3))
        #expect(journal.queue(1).transmit.intended == RingIndex(4))
        #expect(journal.queue(0).receive.published == RingIndex(5))
        #expect(words.words.count { $0 != 0 } == 4 + 5)
    }

    // MARK: a queue's page

    @Test("a queue that was described is read again")
    func openingRoundTrip() {
        let (journal, _) = Self.journal()
        let page = journal.queue(2)
        #expect(page.opening(slot: 2) == nil)
        page.describe(Self.opening, interfaceName: "vif32751.3-q3xyz-too-long")
        #expect(page.opening(slot: 2) == Self.opening)
        #expect(page.interfaceName == "vif32751.3-q3xy")
        page.rename(generation: 12)
        #expect(page.opening(slot: 2)?.id.generation == 12)
        page.free()
        #expect(page.opening(slot: 2) == nil)
    }

    @Test("a page of random words describes a queue or none, and nothing traps", arguments: 0..<64)
    func garbage(_ seed: UInt64) {
        let (journal, words) = Self.journal(workers: 1, queues: 1)
        var random = SplitMix64(seed: seed)
        for word in 1024..<3072 {
            words.storeRelaxed(.random(in: 0 ... .max, using: &random), at: word)
        }
        let page = journal.queue(0)
        #expect(page.opening(slot: 0) == nil, "a state that is neither free nor used")
        words.storeRelaxed(1, at: 2048)
        words.storeRelaxed(.random(in: 0...0xFFFF, using: &random), at: 2048 + 2)
        let opening = page.opening(slot: 0)
        #expect(opening != nil)
        #expect((1...18).contains(opening?.receiveSlotsNeeded ?? 0))
        _ = page.interfaceName
        _ = page.transmit.isConsistent()
        _ = page.receive.isConsistent()
        let step = journal.worker(0).unfinishedStep
        #expect(step.map { $0.half.slot == 0 } ?? true)
        // Going on from there must not overflow.
        for direction in [QueueDirection.transmit, .receive] {
            var sum = page.half(direction).statistics
            sum.add(page.half(direction).statistics)
        }
    }

    @Test("a domain of more than 16 bits is none")
    func domainOutOfRange() {
        let (journal, words) = Self.journal(workers: 1, queues: 1)
        journal.queue(0).describe(Self.opening, interfaceName: "x")
        words.storeRelaxed(0x1_0000, at: 2048 + 2)
        #expect(journal.queue(0).opening(slot: 0) == nil)
    }

    @Test("what a half counts is read again; a count near the end of the range is not believed")
    func statistics() {
        let (journal, words) = Self.journal()
        var random = SplitMix64(seed: 1)
        var counted = QueueStatistics()
        for path in Self.transmitCounters + Self.sharedCounters {
            counted[keyPath: path] = .random(in: 0..<1 << 60, using: &random)
        }
        journal.queue(1).half(.transmit).keep(counted)
        #expect(journal.queue(1).half(.transmit).statistics == counted)
        var received = QueueStatistics()
        for path in Self.receiveCounters + Self.sharedCounters {
            received[keyPath: path] = .random(in: 0..<1 << 60, using: &random)
        }
        journal.queue(1).half(.receive).keep(received)
        #expect(journal.queue(1).half(.receive).statistics == received)
        #expect(journal.queue(1).half(.transmit).statistics == counted, "they do not overlap")
        words.storeRelaxed(.max, at: 4 * 1024 + JournalLayout.transmitStatistics + 1)
        #expect(journal.queue(1).half(.transmit).statistics.transmitPackets == 0)
    }

    private static var transmitCounters: [WritableKeyPath<QueueStatistics, UInt64>] {
        [
            \.transmitPackets, \.transmitBytes, \.transmitSlots, \.transmitInvalid,
            \.transmitCopyFailures, \.transmitRefused, \.transmitChecksumMended,
        ]
    }
    private static var receiveCounters: [WritableKeyPath<QueueStatistics, UInt64>] {
        [
            \.receivePackets, \.receiveBytes, \.receiveSlots, \.receiveCopyFailures,
            \.receiveOversized, \.receiveStarved,
        ]
    }
    private static var sharedCounters: [WritableKeyPath<QueueStatistics, UInt64>] {
        [
            \.notifications, \.events,
        ]
    }

    @Test(
        "the indices of a half are followed over 2^32, and distances of more than a ring are none")
    func indicesWrap() {
        let (journal, _) = Self.journal()
        var transmit = journal.queue(0).transmit
        let start = RingIndex(.max - 1)
        transmit.reset(at: start, frames: .max)
        #expect(transmit.isConsistent())
        transmit.intend(upTo: start.advanced(by: 5))
        #expect(transmit.isConsistent(), "R4: what may have been sent")
        transmit.startAnswers(at: start)
        for id in 0..<UInt32(5) { transmit.stage(SlotWords(id + 100)) }
        transmit.commit(frames: 4)
        #expect(transmit.done == RingIndex(3))
        #expect(transmit.frames == 4)
        #expect(
            (0..<5).map { transmit.answer(at: start.advanced(by: $0)).word0 } == Array(100..<105))
        transmit.notePublished(transmit.done)
        #expect(transmit.published == RingIndex(3))
        transmit.intend(upTo: RingIndex(3 + 256))
        #expect(transmit.isConsistent())
        transmit.intend(upTo: RingIndex(3 + 257))
        #expect(!transmit.isConsistent())
        #expect(transmit.isConsistent(rings: 2))
        transmit.intend(upTo: RingIndex(2))
        #expect(!transmit.isConsistent(), "intended lies before done")

        var receive = journal.queue(0).receive
        receive.reset(at: start, frames: .max, bytes: .max)
        receive.startAnswers(at: start)
        for id in 0..<UInt32(3) { receive.stage(SlotWords(id, id + 7)) }
        receive.commit()
        #expect(receive.done == RingIndex(1))
        #expect(receive.answer(at: RingIndex(0)) == SlotWords(2, 9))
        #expect(receive.isConsistent())
        receive.notePublished(RingIndex(2))
        #expect(!receive.isConsistent(), "published lies behind done")
    }

    @Test("a journal that was corrupted on purpose is not consistent")
    func corrupted() {
        let (journal, _) = Self.journal()
        journal.queue(0).transmit.reset(at: RingIndex(.max), frames: 0)
        journal.queue(0).receive.reset(at: RingIndex(.max), frames: 0, bytes: 0)
        journal.queue(0).corrupt()
        #expect(!journal.queue(0).transmit.isConsistent())
        #expect(!journal.queue(0).receive.isConsistent())
    }
}
