// SPDX-License-Identifier: Apache-2.0
public import SharedMemory

/// What a worker's predecessor left in the middle of a step, copied before it is put in order:
/// afterwards nobody could see it any more.
///
/// Four pages for each worker: a header with the beat's slot, the worker's page of the journal, the
/// queue's, and the ring. The rest of a pair's memory stays as it was when a primary dies, but for
/// what its successor goes on to do.
///
/// | word of the header | |
/// |---|---|
/// | 0 | how often evidence was kept, odd while it is written |
/// | 1 | the number of the queue's page + 1, 0 if it died between steps |
/// | 2 | 1 for Tx, 2 for Rx |
/// | 3-4 | when, in nanoseconds |
/// | 16-31 | the worker's slot of the heartbeat page |
public struct Evidence<Words: SharedWords> {
    static var pageCount: Int { 4 }
    private static var slotWord: Int { 16 }
    private static var slotWordCount: Int { 16 }

    private let words: Words
    private let first: Int

    /// Words that one worker's needs.
    public static var wordCount: Int { pageCount * JournalLayout.pageWordCount }

    /// The evidence that starts at a word.
    public init(_ words: Words, at first: Int) {
        self.words = words
        self.first = first
    }

    /// Caller: the successor, before it does anything. `half` is the one of which the step was,
    /// nil between steps; `beat` reads the 16 words of the worker's slot of the heartbeat page;
    /// `ring` is the half's ring, if it is held.
    public func keep(
        _ half: JournalHalf?, at nanoseconds: UInt64, journal: Journal<Words>, worker: Int,
        beat: (Int) -> UInt32, ring: Words?
    ) {
        // relaxed, all: the two changes of the count order them.
        let count = words.loadRelaxed(at: first) | 1
        words.storeRelaxed(count, at: first)
        words.fence()
        words.storeRelaxed(half.map { UInt32(truncatingIfNeeded: $0.slot + 1) } ?? 0, at: first + 1)
        words.storeRelaxed(half?.direction == .receive ? 2 : 1, at: first + 2)
        words.storeRelaxed(UInt32(truncatingIfNeeded: nanoseconds), at: first + 3)
        words.storeRelaxed(UInt32(truncatingIfNeeded: nanoseconds >> 32), at: first + 4)
        for word in 0..<Self.slotWordCount {
            words.storeRelaxed(beat(word), at: first + Self.slotWord + word)
        }
        copy(journal.words, from: (1 + worker) * JournalLayout.pageWordCount, toPage: 1)
        if let half {
            let page = 1 + journal.workerCount + half.slot
            copy(journal.words, from: page * JournalLayout.pageWordCount, toPage: 2)
            if let ring { copy(ring, from: 0, toPage: 3) }
        }
        // release: all of it comes first. Twice a number, and never 0 again.
        let next = count == .max ? 2 : count + 1
        words.storeRelease(next, at: first)
    }

    private func copy(_ source: Words, from start: Int, toPage page: Int) {
        let place = first + page * JournalLayout.pageWordCount
        for word in 0..<JournalLayout.pageWordCount {
            words.storeRelaxed(source.loadRelaxed(at: start + word), at: place + word)
        }
    }

    // MARK: what an inspector reads

    /// How often evidence was kept, with 1 added while it is written; 0 for never.
    public var revision: UInt32 { words.loadAcquire(at: first) }

    /// When.
    public var nanoseconds: UInt64 {
        UInt64(words.loadRelaxed(at: first + 3)) | UInt64(words.loadRelaxed(at: first + 4)) << 32
    }

    /// The number of the queue's page in whose step the worker died, and which half.
    public func half(queueCount: Int) -> JournalHalf? {
        let number = words.loadRelaxed(at: first + 1)
        guard number > 0, number <= queueCount else { return nil }
        let isReceive = words.loadRelaxed(at: first + 2) == 2
        return JournalHalf(slot: Int(number - 1), direction: isReceive ? .receive : .transmit)
    }

    /// The worker's page of the journal, as it was.
    public func workerPage(queueCount: Int) -> WorkerJournal<Words> {
        WorkerJournal(
            words: words, first: first + JournalLayout.pageWordCount, queueCount: queueCount)
    }

    /// The queue's page.
    public var queuePage: QueueJournal<Words> {
        QueueJournal(words: words, first: first + 2 * JournalLayout.pageWordCount)
    }

    /// The ring's page: its first word.
    public var ringWord: Int { first + 3 * JournalLayout.pageWordCount }
}

extension Evidence: Sendable where Words: Sendable {}
