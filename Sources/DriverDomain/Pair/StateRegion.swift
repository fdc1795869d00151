// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Heartbeat
import NetBack
import Platform
import SharedMemory

/// The memory that a backend and its shadow share, divided as `StateLayout` says: a memfd, mapped
/// whole by everyone who has it.
///
/// `netbackd run` has one too, which only an inspector maps: the packet path is the same.
///
/// SAFETY (Sendable): nothing changes after init; the memory behind `base` is reached by views of
/// atomic words, by locks, and by arenas of which each worker has one of its own.
///
/// SAFETY: the mapping lives as long as the object; everyone who is given a view of it, or an
/// arena over it, holds a reference to the object.
@safe
final class StateRegion: @unchecked Sendable {
    /// The memfd, to be handed to a sibling.
    let descriptor: Int32
    /// How it is divided.
    let layout: StateLayout
    /// What a successor must know.
    let journal: Journal<MappedWords>
    /// Who is alive.
    let heartbeat: HeartbeatPage<MappedWords>
    /// What an inspector sees.
    let view: StateView<MappedWords>
    private let base: UnsafeMutableRawPointer

    /// Makes a region in which nothing has happened yet.
    init(making layout: StateLayout, for choice: HypervisorChoice) throws(PlatformError) {
        let descriptor = unsafe "netbackd state".withCString { unsafe clinux_memfd_create($0) }
        guard descriptor >= 0 else { throw PlatformError("memfd_create", errno: errno) }
        guard ftruncate(descriptor, layout.byteCount) == 0, clinux_memfd_seal_size(descriptor) == 0
        else {
            let error = errno
            close(descriptor)
            throw PlatformError("ftruncate of a memfd", errno: error)
        }
        let base = unsafe try Self.map(descriptor, layout.byteCount)
        let (words, journalWords, heartbeatWords) = unsafe Self.words(at: base, layout)
        journal = Journal(
            formatting: journalWords, workers: layout.workers, queues: layout.queues)
        heartbeat = HeartbeatPage(formatting: heartbeatWords, slotCount: layout.workers)
        view = StateView(words, layout: layout, journal: journal, heartbeat: heartbeat)
        journal.describe(domain: choice.identity)
        self.descriptor = descriptor
        self.layout = layout
        unsafe self.base = base
        for worker in 0..<layout.workers {
            let error = unsafe clinux_robust_init(lockPlace(of: worker))
            guard error == 0 else { throw PlatformError("pthread_mutex_init", errno: error) }
        }
    }

    /// Maps the region of another process.
    ///
    /// - Throws: `Complaint` when it is no such region, or of another version.
    init(attachingTo descriptor: Int32) throws {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw Complaint("the pair's memory cannot be had: errno \(errno)", remedy: nil)
        }
        let size = Int(status.st_size)
        let page = PageArena.pageSize
        guard size >= page else {
            throw Complaint("the pair's memory has \(size) bytes", remedy: nil)
        }
        // First the header alone: it says how the rest is divided.
        let header = unsafe try Self.map(descriptor, page)
        let headerWords = unsafe MappedWords(at: header, wordCount: JournalLayout.pageWordCount)
        let found = Journal.shape(of: headerWords)
        unsafe munmap(header, page)
        let layout = StateLayout(workers: found.workers, queues: found.queues)
        guard layout.isPlausible, size == layout.byteCount
        else {
            throw Complaint(
                "the pair's memory is of another version of netbackd",
                remedy: "end that pair and start this one: guests reconnect to running rings")
        }
        let base = unsafe try Self.map(descriptor, size)
        let (words, journalWords, heartbeatWords) = unsafe Self.words(at: base, layout)
        do {
            journal = try Journal(attachingTo: journalWords)
            heartbeat = try HeartbeatPage(attachingTo: heartbeatWords)
        } catch {
            unsafe munmap(base, size)
            throw Complaint("the pair's memory is refused: \(error)", remedy: nil)
        }
        view = StateView(words, layout: layout, journal: journal, heartbeat: heartbeat)
        self.descriptor = descriptor
        self.layout = layout
        unsafe self.base = base
    }

    deinit {
        unsafe munmap(base, layout.byteCount)
        close(descriptor)
    }

    /// The pages of a worker. Valid while the region is.
    func arena(of worker: Int) -> PageArena {
        let offset =
            4 * layout.inspectedWordCount
            + worker * layout.arenaPageCount * PageArena.pageSize
        // SAFETY: within the mapping; the worker's thread holds the region.
        return unsafe PageArena(over: base + offset, pageCount: layout.arenaPageCount)
    }

    /// What an inspector may see, byte for byte.
    var inspectedBytes: [UInt8] {
        // SAFETY: within the mapping. Others write meanwhile, and a copy may show a half of that.
        unsafe Array(UnsafeRawBufferPointer(start: base, count: 4 * layout.inspectedWordCount))
    }

    /// Maps beforehand what a worker touches when it takes over: each page would otherwise be a
    /// page fault at that moment. Of the journal only the pages of workers: those of queues are
    /// mapped when they are followed. The packets' pages, a mebibyte for each worker, are memory
    /// from here on, which they would otherwise be after the first burst.
    func prefault() {
        let pages = 1 + layout.workers
        let rest = 4 * layout.journalWordCount
        unsafe ResidentMemory.map(base, byteCount: pages * PageArena.pageSize)
        unsafe ResidentMemory.map(base + rest, byteCount: layout.byteCount - rest)
    }

    /// Keeps an event, now.
    func note(_ kind: PairEvent.Kind, _ details: (inout PairEvent) -> Void = { _ in }) {
        var event = PairEvent(kind, at: Instant.now.nanoseconds)
        event.process = UInt32(bitPattern: getpid())
        details(&event)
        view.events.append(event)
    }

    /// Copies what the last owner of a worker's lock left. Caller: the successor, before it does
    /// anything.
    func keepEvidence(
        ofWorker worker: Int, _ half: JournalHalf?, at instant: Instant, ring: MappedWords?
    ) {
        let beats = heartbeat.words
        let slot = (1 + worker) * HeartbeatPage<MappedWords>.wordsPerSlot
        view.evidence(ofWorker: worker).keep(
            half, at: instant.nanoseconds, journal: journal, worker: worker,
            beat: { beats.loadRelaxed(at: slot + $0) }, ring: ring)
    }

    // MARK: the locks

    /// How a worker's lock was had.
    enum Acquisition: Equatable {
        /// Nobody had it, or its owner let go of it.
        case free
        /// Its owner's thread has died: it runs no code of its own any more.
        case ownerDied
        /// It is still held.
        case busy
    }

    /// Waits for a worker's lock, up to so many milliseconds; -1 for ever.
    ///
    /// The lock is held by the one thread in the world that may touch the rings of the worker's
    /// halves. The kernel hands it on when that thread has ended, and not before.
    func lock(_ worker: Int, milliseconds: Int32) throws(PlatformError) -> Acquisition {
        let result = unsafe clinux_robust_lock(lockPlace(of: worker), milliseconds)
        switch result {
        case 0: return .free
        case EOWNERDEAD: return .ownerDied
        case ETIMEDOUT: return .busy
        default: throw PlatformError("pthread_mutex_lock", errno: result)
        }
    }

    /// Caller: the thread that has it.
    func unlock(_ worker: Int) { _ = unsafe clinux_robust_unlock(lockPlace(of: worker)) }

    private func lockPlace(of worker: Int) -> UnsafeMutableRawPointer {
        unsafe base + 4 * journal.worker(worker).lockWord
    }

    // MARK: mapping

    private static func map(
        _ descriptor: Int32, _ size: Int
    ) throws(PlatformError) -> UnsafeMutableRawPointer {
        let base = unsafe mmap(
            nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let base = unsafe base, unsafe base != MAP_FAILED else {
            throw PlatformError("mmap", errno: errno)
        }
        return unsafe base
    }

    private static func words(
        at base: UnsafeMutableRawPointer, _ layout: StateLayout
    ) -> (all: MappedWords, journal: MappedWords, heartbeat: MappedWords) {
        // SAFETY: all lie within the mapping, which the region keeps.
        unsafe (
            MappedWords(at: base, wordCount: layout.inspectedWordCount),
            MappedWords(at: base, wordCount: layout.journalWordCount),
            MappedWords(
                at: base + 4 * layout.journalWordCount, wordCount: layout.heartbeatWordCount)
        )
    }
}
