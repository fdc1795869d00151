// SPDX-License-Identifier: Apache-2.0
import Ring
import TestSupport
import Testing

@testable import NetBack

/// A worker's page of the journal: the step that it is in, and who died in it.
@Suite struct WorkerJournalTests {
    private static func worker(queues: Int = 3) -> (WorkerJournal<CountedWords>, CountedWords) {
        let words = CountedWords(
            wordCount: Journal<CountedWords>.wordCount(workers: 1, queues: queues))
        let journal = Journal(formatting: words, workers: 1, queues: queues)
        return (journal.worker(0), words)
    }

    @Test("the word of a half names it and no other, and 0 and foreign words name none")
    func halves() {
        var seen: Set<UInt32> = [0]
        for slot in 0..<40 {
            for direction in [QueueDirection.transmit, .receive] {
                let half = JournalHalf(slot: slot, direction: direction)
                #expect(seen.insert(half.rawValue).inserted)
                #expect(JournalHalf(rawValue: half.rawValue, slotCount: 40) == half)
                #expect(JournalHalf(rawValue: half.rawValue, slotCount: slot) == nil)
            }
        }
        #expect(JournalHalf(rawValue: 0, slotCount: 40) == nil)
        #expect(JournalHalf(rawValue: .max, slotCount: 40) == nil)
        #expect(JournalHalf(rawValue: 1, slotCount: 0) == nil)
    }

    @Test("a step is what a successor reads until it ends")
    func step() throws {
        let (worker, _) = Self.worker()
        #expect(worker.unfinishedStep == nil)
        let half = JournalHalf(slot: 2, direction: .receive)
        worker.begin(half, at: RingIndex(.max), frames: .max, bytes: 5)
        worker.keep(frame: 0, size: 60)
        worker.keep(frame: 1, size: 65_550)
        let step = try #require(worker.unfinishedStep)
        #expect(
            step
                == .init(
                    half: half, base: RingIndex(.max), framesBefore: .max, bytesBefore: 5,
                    poolCount: 2))
        #expect(worker.frameSize(0) == 60)
        #expect(worker.frameSize(1) == 65_550)
        worker.end()
        #expect(worker.unfinishedStep == nil)
        worker.begin(half, at: RingIndex(0), frames: 0)
        #expect(
            worker.unfinishedStep?.poolCount == 0, "the pool of the last step is not this one's")
    }

    @Test("a step of a queue that the journal lacks is none, and an impossible pool is empty")
    func hostileSteps() {
        let (worker, words) = Self.worker(queues: 1)
        worker.begin(JournalHalf(slot: 0, direction: .transmit), at: RingIndex(0), frames: 0)
        words.storeRelaxed(65, at: 1024 + JournalLayout.poolCount)
        #expect(worker.unfinishedStep?.poolCount == 0)
        words.storeRelaxed(64, at: 1024 + JournalLayout.poolCount)
        #expect(worker.unfinishedStep?.poolCount == 64)
        for foreign: UInt32 in [3, 4, .max] {
            words.storeRelaxed(foreign, at: 1024 + JournalLayout.active)
            #expect(worker.unfinishedStep == nil)
        }
    }

    @Test("deaths in one step are counted, and others start anew")
    func deaths() throws {
        let (worker, words) = Self.worker()
        let half = JournalHalf(slot: 0, direction: .receive)
        worker.begin(half, at: RingIndex(9), frames: 0)
        let step = try #require(worker.unfinishedStep)
        #expect(worker.noteDeath(in: step) == 1)
        #expect(worker.noteDeath(in: step) == 2)
        var other = step
        other.base = RingIndex(10)
        #expect(worker.noteDeath(in: other) == 1, "another place")
        other.half.direction = .transmit
        #expect(worker.noteDeath(in: other) == 1, "another half")
        #expect(worker.noteDeath(in: step) == 1, "not one after the other")
        words.storeRelaxed(.max, at: 1024 + JournalLayout.deathCount)
        #expect(worker.noteDeath(in: step) > 1, "a count does not overflow")
    }

    @Test("a successor that survives the step ends the count")
    func survivor() throws {
        let (worker, _) = Self.worker()
        worker.begin(JournalHalf(slot: 0, direction: .receive), at: RingIndex(9), frames: 0)
        let step = try #require(worker.unfinishedStep)
        #expect(worker.noteDeath(in: step) == 1)
        worker.forgetDeaths()
        #expect(worker.noteDeath(in: step) == 1)
    }
}
