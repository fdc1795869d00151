// SPDX-License-Identifier: Apache-2.0
import Glibc
import Heartbeat
import NetBack
import Platform
import Ring
import SharedMemory
import TestSupport
import Testing

@Suite("Events, log lines and evidence in shared memory")
struct EventLogTests {
    /// Words that a test owns.
    @safe
    final class Memory: @unchecked Sendable {
        let words: MappedWords
        private let base: UnsafeMutableRawPointer

        init(_ count: Int) {
            unsafe base = .allocate(byteCount: 4 * count, alignment: 64)
            unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: 4 * count)
            words = unsafe MappedWords(at: base, wordCount: count)
        }

        deinit { unsafe base.deallocate() }
    }

    private func event(_ number: UInt64) -> PairEvent {
        var event = PairEvent(.tookOver, at: number)
        event.process = UInt32(truncatingIfNeeded: number)
        event.worker = Int(number % 7)
        event.vif = VifID(domain: DomainID(3), device: UInt32(truncatingIfNeeded: number))
        event.queue = 2
        event.direction = .receive
        event.begin = number << 33
        event.end = .max - number
        event.count = 9
        event.text = "number \(number)"
        return event
    }

    @Test("an event comes back as it was written, and the newest 128 are kept")
    func roundTrip() {
        let memory = Memory(EventLog<MappedWords>.wordCount + 8)
        let log = EventLog(memory.words, at: 8)
        #expect(log.events().isEmpty)
        for number in 0..<300 { log.append(event(UInt64(number))) }
        let kept = log.events()
        #expect(kept.map(\.event) == (172..<300).map { event(UInt64($0)) })
        #expect(kept.first?.number == RingIndex(172))
        #expect(log.events(since: RingIndex(298)).map(\.event.nanoseconds) == [298, 299])
        #expect(log.events(since: log.nextNumber).isEmpty)
        // Words before it are someone else's.
        #expect((0..<8).allSatisfy { memory.words.loadRelaxed(at: $0) == 0 })
    }

    @Test("the number may wrap at 2^32")
    func wrap() {
        let memory = Memory(EventLog<MappedWords>.wordCount)
        let log = EventLog(memory.words, at: 0)
        memory.words.storeRelaxed(.max - 1, at: 0)
        for number in 0..<4 { log.append(event(UInt64(number))) }
        // One of the four has the number whose successor is 0, which is no stamp.
        #expect(log.events(since: RingIndex(.max - 1)).map(\.event.nanoseconds) == [0, 2, 3])
    }

    @Test("a record that its writer left half-written is passed over")
    func torn() {
        let memory = Memory(EventLog<MappedWords>.wordCount)
        let log = EventLog(memory.words, at: 0)
        for number in 0..<3 { log.append(event(UInt64(number))) }
        memory.words.storeRelaxed(0, at: 16 + 32)
        #expect(log.events().map(\.event.nanoseconds) == [0, 2])
    }

    @Test("a text that is too long is cut, and one that is no UTF-8 is still read")
    func text() {
        let memory = Memory(EventLog<MappedWords>.wordCount)
        let log = EventLog(memory.words, at: 0)
        var long = event(1)
        long.text = String(repeating: "x", count: 100)
        log.append(long)
        #expect(log.events().first?.event.text == String(repeating: "x", count: 64))
        memory.words.storeRelaxed(0xFFFF_FFFF, at: 16 + 16)
        #expect(log.events().first?.event.text.hasPrefix("\u{FFFD}") == true)
    }

    @Test("records of several writers never mix, whatever a reader meets")
    func writers() {
        let memory = Memory(EventLog<MappedWords>.wordCount)
        let log = EventLog(memory.words, at: 0)
        func writer(_ writer: Int) -> TestThread {
            TestThread {
                for number in 0..<4000 { log.append(event(UInt64(writer * 10_000 + number))) }
            }
        }
        let first = writer(0)
        let second = writer(1)
        let third = writer(2)
        var seen = 0
        for _ in 0..<2000 {
            for (_, found) in log.events() {
                seen += 1
                #expect(found == event(found.nanoseconds))
            }
        }
        first.join()
        second.join()
        third.join()
        #expect(seen > 0)
        #expect(log.nextNumber == RingIndex(12_000))
    }

    @Test("evidence is what was there, and stays when the journal goes on")
    func evidence() {
        let layout = StateLayout(workers: 1, queues: 2)
        let memory = Memory(layout.inspectedWordCount)
        let journal = Journal(formatting: memory.words, workers: 1, queues: 2)
        let view = StateView(memory.words, layout: layout, journal: journal, heartbeat: nil)
        let half = JournalHalf(slot: 1, direction: .transmit)
        journal.worker(0).begin(half, at: RingIndex(77), frames: 5)
        journal.queue(1).transmit.reset(at: RingIndex(77), frames: 5)
        let ring = RingPage()
        ring.words.storeRelaxed(99, at: 0)
        let evidence = view.evidence(ofWorker: 0)
        #expect(evidence.revision == 0)
        evidence.keep(
            half, at: 1 << 40, journal: journal, worker: 0, beat: { UInt32($0) }, ring: ring.words)
        journal.worker(0).end()
        journal.queue(1).transmit.reset(at: RingIndex(500), frames: 6)
        ring.words.storeRelaxed(0, at: 0)
        #expect(evidence.revision == 2)
        #expect(evidence.nanoseconds == 1 << 40)
        #expect(evidence.half(queueCount: 2) == half)
        #expect(evidence.workerPage(queueCount: 2).unfinishedStep?.base == RingIndex(77))
        #expect(evidence.queuePage.transmit.done == RingIndex(77))
        #expect(memory.words.loadRelaxed(at: evidence.ringWord) == 99)
        // A number of a page that there is not is none.
        #expect(evidence.half(queueCount: 1) == nil)
    }
}
