// SPDX-License-Identifier: Apache-2.0
public import Heartbeat
public import SharedMemory

/// What can be seen of a backend or a pair in its memory, or in a copy of that.
public struct StateView<Words: SharedWords> {
    /// The memory.
    public let words: Words
    /// How it is divided.
    public let layout: StateLayout
    /// What a successor must know.
    public let journal: Journal<Words>
    /// Who is alive; nil where that page is broken.
    public let heartbeat: HeartbeatPage<Words>?

    /// Views memory whose parts are known.
    public init(
        _ words: Words, layout: StateLayout, journal: Journal<Words>,
        heartbeat: HeartbeatPage<Words>?
    ) {
        self.words = words
        self.layout = layout
        self.journal = journal
        self.heartbeat = heartbeat
    }

    /// What happened.
    public var events: EventLog<Words> { EventLog(words, at: layout.eventsWord) }
    /// What was logged.
    public var log: LogTail<Words> { LogTail(words, at: layout.logWord) }

    /// What a worker's predecessor left. A number out of range is our own bug.
    public func evidence(ofWorker worker: Int) -> Evidence<Words> {
        precondition(worker >= 0 && worker < layout.workers, "a worker that the journal lacks")
        return Evidence(
            words, at: layout.evidenceWord + worker * Evidence<Words>.wordCount)
    }
}

extension StateView: Sendable where Words: Sendable {}
