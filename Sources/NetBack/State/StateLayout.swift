// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import Platform
import SharedMemory

/// How the memory of a backend or of a pair is divided: the journal, the heartbeats, events, the
/// log's tail, evidence, and last the pages in which workers keep packets, of which an inspector
/// sees nothing.
public struct StateLayout: Equatable, Sendable {
    /// Worker threads, both directions together.
    public var workers: Int
    /// Queues that may be open at once.
    public var queues: Int

    /// Takes the numbers as they are.
    public init(workers: Int, queues: Int) {
        self.workers = workers
        self.queues = queues
    }

    private static func wholePages(_ words: Int) -> Int {
        let page = JournalLayout.pageWordCount
        return (words + page - 1) / page * page
    }

    /// Words of the journal, which is first.
    public var journalWordCount: Int {
        Journal<MappedWords>.wordCount(workers: workers, queues: queues)
    }

    /// Words of the heartbeat page, a header and a slot for each worker, in whole pages.
    public var heartbeatWordCount: Int {
        Self.wholePages((workers + 1) * HeartbeatPage<MappedWords>.wordsPerSlot)
    }

    /// Where the events start.
    public var eventsWord: Int { journalWordCount + heartbeatWordCount }
    /// Where the log's tail starts.
    public var logWord: Int { eventsWord + Self.wholePages(EventLog<MappedWords>.wordCount) }
    /// Where the evidence starts.
    public var evidenceWord: Int { logWord + Self.wholePages(LogTail<MappedWords>.wordCount) }
    /// Words of all that an inspector may see: everything before the packets.
    public var inspectedWordCount: Int {
        evidenceWord + workers * Evidence<MappedWords>.wordCount
    }

    /// Pages that each worker has for packets.
    public var arenaPageCount: Int { WorkerScratch<MappedWords>.arenaPageCount }

    /// All of it.
    public var byteCount: Int {
        4 * inspectedWordCount + workers * arenaPageCount * PageArena.pageSize
    }

    /// Whether the numbers are such that a journal may claim them.
    public var isPlausible: Bool {
        workers > 0 && workers <= 128 && queues >= 0 && queues <= 65536
    }
}
