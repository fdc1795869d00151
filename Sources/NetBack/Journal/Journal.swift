// SPDX-License-Identifier: Apache-2.0
public import SharedMemory

/// Everything that a successor must know to serve on where its predecessor died, as plain words in
/// memory that both map.
///
/// Untrusted when it is read: what a successor takes from it is checked as if a guest had written
/// it.
public struct Journal<Words: SharedWords> {
    /// The memory.
    public let words: Words
    /// Pages for workers.
    public let workerCount: Int
    /// Pages for queues.
    public let queueCount: Int

    /// Words that a journal of this shape needs.
    public static func wordCount(workers: Int, queues: Int) -> Int {
        (1 + workers + queues) * JournalLayout.pageWordCount
    }

    /// How many pages a journal claims to have, whatever stands there.
    public static func shape(of words: Words) -> (workers: Int, queues: Int) {
        (
            Int(words.loadRelaxed(at: JournalLayout.workersWord)),
            Int(words.loadRelaxed(at: JournalLayout.queuesWord))
        )
    }

    /// Makes an empty journal of memory that is all zero. Too little memory is our own bug.
    public init(formatting words: Words, workers: Int, queues: Int) {
        precondition(
            words.wordCount >= Self.wordCount(workers: workers, queues: queues),
            "a journal larger than its memory")
        words.storeRelaxed(JournalLayout.version, at: JournalLayout.versionWord)
        words.storeRelaxed(
            UInt32(truncatingIfNeeded: workers), at: JournalLayout.workersWord)
        words.storeRelaxed(UInt32(truncatingIfNeeded: queues), at: JournalLayout.queuesWord)
        // release: pairs with the acquire in init(attachingTo:); the header is complete.
        words.storeRelease(JournalLayout.magic, at: JournalLayout.magicWord)
        self.words = words
        workerCount = workers
        queueCount = queues
    }

    /// Takes up a journal that another process made.
    ///
    /// - Throws: `JournalFault` when the header makes no sense for this memory or this program.
    public init(attachingTo words: Words) throws(JournalFault) {
        let room = words.wordCount / JournalLayout.pageWordCount
        guard room >= 1 else { throw .pageCount(claimed: 1, room: 0) }
        // acquire: pairs with the release in init(formatting:workers:queues:).
        let magic = words.loadAcquire(at: JournalLayout.magicWord)
        guard magic == JournalLayout.magic else { throw .foreignMagic(magic) }
        // relaxed: ordered by the magic.
        let version = words.loadRelaxed(at: JournalLayout.versionWord)
        guard version == JournalLayout.version else {
            throw .version(found: version, known: JournalLayout.version)
        }
        let workers = words.loadRelaxed(at: JournalLayout.workersWord)
        let queues = words.loadRelaxed(at: JournalLayout.queuesWord)
        let claimed = 1 + UInt64(workers) + UInt64(queues)
        guard claimed <= UInt64(room) else { throw .pageCount(claimed: claimed, room: room) }
        self.words = words
        workerCount = Int(workers)
        queueCount = Int(queues)
    }

    /// Caller: who made it. Says for whom, for an inspector.
    public func describe(domain: String) { domainField.write(domain) }

    /// Which domain of which hypervisor is served: `xen`, or an emulated domain's socket.
    public var domain: String { domainField.read() }

    private var domainField: TextField<Words> {
        TextField(
            words, at: JournalLayout.domainWord, wordCount: JournalLayout.domainWordCount)
    }

    /// A worker's page. A number out of range is our own bug.
    public func worker(_ number: Int) -> WorkerJournal<Words> {
        precondition(number >= 0 && number < workerCount, "a worker that the journal lacks")
        return WorkerJournal(
            words: words, first: (1 + number) * JournalLayout.pageWordCount,
            queueCount: queueCount)
    }

    /// A queue's page. A number out of range is our own bug.
    public func queue(_ slot: Int) -> QueueJournal<Words> {
        precondition(slot >= 0 && slot < queueCount, "a queue that the journal lacks")
        return QueueJournal(
            words: words, first: (1 + workerCount + slot) * JournalLayout.pageWordCount)
    }
}

extension Journal: Sendable where Words: Sendable {}
