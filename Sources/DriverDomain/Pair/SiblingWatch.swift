// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Heartbeat
import NetBack
import Netif
import Platform
import Ring
import SharedMemory

/// What a shadow sees of its sibling: rings, TAPs, beats, and the journal as it is written.
///
/// Reads shared memory and asks the kernel one question a look; allocates nothing then.
struct SiblingWatch: ~Copyable {
    /// Why the sibling is given up.
    struct Finding {
        var reason: String
        var silenceNanoseconds: UInt64
    }

    /// A half of a queue that the sibling serves.
    private struct Half {
        var name: QueueHalf
        var worker: Int
        var stall: StallDetector
        /// Where the half stood at the last look, and the worker's beat since when it stands.
        var mark: UInt32 = 0
        var unmovedSince: UInt32 = 0
        /// Looks at which the journal contradicted the ring, one after the other.
        var contradictions = 0
    }

    private struct Queue {
        var opening: QueueOpening
        var interfaceName: String
        var transmitWords: MappedWords
        var receiveWords: MappedWords
        var transmit: Half
        var receive: Half
        var slotsNeeded: UInt32
        /// The look that last found a frame in its TAP.
        var readableAt: UInt32 = 0
    }

    /// Readable when a TAP has a frame.
    let epoll: Int32
    private let region: StateRegion
    private var queues: [Int: Queue] = [:]
    private var workers: [WorkerWatch]
    private var work: [Bool]
    /// Workers with a half that has work and has not moved since the last look.
    private var isUnmoved: [Bool]
    /// Each worker's last beat, as it was before anything else was looked at.
    private var lastSequences: [UInt32]
    /// What a silent worker's thread was doing when it was first thought dead.
    private var suspects: [Int: ThreadState] = [:]
    /// A worker that gets no processor for longer is given up all the same.
    private static var starvingNanosecondsMax: UInt64 { 2_000_000_000 }
    /// What wakes each worker of the sibling; -1 where it is not known.
    private var mail: [Int32]
    private let stallLimits = StallLimits()
    private var lookCount: UInt32 = 0
    /// Looks in a row that found no work, and no worker that had woken since the one before.
    private var quietLookCount = 0
    private static var quietLooksMin: Int { 250 }
    /// Looks in a row after which a contradiction is no accident of reading while it is written.
    private static var contradictionsMax: Int { 3 }
    /// Turns of its worker that a half must have slept through to be called stalled: where a turn
    /// takes long, the half is as slow as its worker.
    private static var stalledTurnsMin: UInt32 { 4 }

    init(region: StateRegion, detection: DetectionMode) throws(PlatformError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw PlatformError("epoll_create1", errno: errno) }
        self.region = region
        let now = Instant.now.nanoseconds
        workers = (0..<region.layout.workers).map { _ in
            WorkerWatch(limits: DetectionLimits(mode: detection), at: now)
        }
        work = Array(repeating: false, count: region.layout.workers)
        isUnmoved = Array(repeating: false, count: region.layout.workers)
        lastSequences = Array(repeating: 0, count: region.layout.workers)
        mail = Array(repeating: -1, count: region.layout.workers)
    }

    deinit {
        close(epoll)
        for descriptor in mail where descriptor >= 0 { close(descriptor) }
    }

    /// Learns what wakes the sibling's workers from `first` on; takes the descriptors.
    mutating func learn(_ descriptors: [Int32], first: Int) {
        for (position, descriptor) in descriptors.enumerated() {
            let worker = first + position
            guard worker < mail.count, mail[worker] < 0 else {
                close(descriptor)
                continue
            }
            mail[worker] = descriptor
        }
    }

    /// Wakes a worker that should have something to do: a guest that shows requests and raises no
    /// event must not look like a worker that is dead. One that lives then looks at its rings.
    private func nudge(_ worker: Int) {
        if mail[worker] >= 0 { _ = eventfd_write(mail[worker], 1) }
    }

    /// Watches a queue too.
    mutating func add(
        _ slot: Int, _ entry: QueueTable.Entry, transmit: MappedWords, receive: MappedWords
    ) {
        let page = region.journal.queue(slot)
        let id = entry.opening.id
        queues[slot] = Queue(
            opening: entry.opening, interfaceName: entry.interfaceName, transmitWords: transmit,
            receiveWords: receive,
            transmit: half(QueueHalf(id, .transmit), page),
            receive: half(QueueHalf(id, .receive), page),
            slotsNeeded: entry.opening.receiveSlotsNeeded)
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        unsafe event.data.u64 = UInt64(slot)
        _ = unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, entry.tap, &event)
    }

    /// Watches a queue no more; before its rings are unmapped.
    mutating func remove(_ slot: Int) { queues[slot] = nil }

    private func half(_ name: QueueHalf, _ page: QueueJournal<MappedWords>) -> Half {
        Half(
            name: name, worker: page.half(name.direction).worker,
            stall: StallDetector(at: Instant.now.nanoseconds))
    }

    /// Nothing has happened for so long that a look now and then will do.
    var isQuiet: Bool { quietLookCount >= Self.quietLooksMin }

    /// One look at everything.
    ///
    /// - Returns: why the sibling is to be given up, nil while it lives.
    mutating func look(at instant: Instant) -> Finding? {
        let now = instant.nanoseconds
        lookCount = lookCount == .max ? 1 : lookCount + 1
        findReadable()
        var isMoving = false
        for worker in work.indices {
            work[worker] = false
            isUnmoved[worker] = false
            let before = lastSequences[worker]
            readSequence(ofWorker: worker)
            if lastSequences[worker] != before { isMoving = true }
        }
        var finding: Finding?
        for slot in queues.keys {
            let found = judge(slot, at: now)
            if finding == nil { finding = found }
        }
        quietLookCount = isMoving || work.contains(true) ? 0 : quietLookCount + 1
        for worker in workers.indices {
            let beat = region.heartbeat.lastBeat(ofSlot: worker)
            if isUnmoved[worker] { nudge(worker) }
            let verdict = workers[worker].look(beat, hasWork: work[worker], at: now)
            guard case .dead(let since) = verdict else {
                suspects[worker] = nil
                continue
            }
            guard finding == nil, !isStarving(worker, silence: now - since) else { continue }
            let activity = region.heartbeat.activity(ofSlot: worker).map { "\($0)" } ?? "nonsense"
            finding = Finding(
                reason: "worker \(worker) is silent with work to do, last seen at: \(activity)",
                silenceNanoseconds: now - since)
        }
        return finding
    }

    /// Whether a worker is silent because it gets no processor. One that runs and does not beat is
    /// caught at the next look.
    private mutating func isStarving(_ worker: Int, silence: UInt64) -> Bool {
        guard silence < Self.starvingNanosecondsMax else { return false }
        let owner = region.journal.worker(worker).owner
        guard let state = ThreadState(process: owner.process, thread: owner.thread) else {
            return false
        }
        let isStarving = state.isStarving(since: suspects[worker])
        if suspects[worker] == nil { suspects[worker] = state }
        return isStarving
    }

    private mutating func readSequence(ofWorker worker: Int) {
        guard let beat = region.heartbeat.lastBeat(ofSlot: worker) else { return }
        lastSequences[worker] = beat.sequence
    }

    /// Which TAPs have a frame: one question for all of them.
    private mutating func findReadable() {
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            // SAFETY: room for 64 events, of which the kernel fills `count`.
            let count = unsafe epoll_wait(epoll, events.baseAddress, 64, 0)
            for position in 0..<max(0, Int(count)) {
                let slot = Int(truncatingIfNeeded: unsafe events[position].data.u64)
                queues[slot]?.readableAt = lookCount
            }
        }
    }

    private mutating func judge(_ slot: Int, at now: UInt64) -> Finding? {
        guard let queue = queues[slot] else { return nil }
        let page = region.journal.queue(slot)
        let transmit = judgeTransmit(slot, queue, page, at: now)
        let receive = judgeReceive(slot, queue, page, at: now)
        return transmit ?? receive
    }

    private mutating func judgeTransmit(
        _ slot: Int, _ queue: Queue, _ page: QueueJournal<MappedWords>, at now: UInt64
    ) -> Finding? {
        guard !page.half(.transmit).isDisabled else { return nil }
        let journal = page.transmit
        let isConsistent = journal.isConsistent(rings: 2)
        let done = journal.done
        let producer = RingIndex(queue.transmitWords.loadAcquire(at: RingLayout.requestProducer))
        let waiting = producer.distance(from: done)
        let isPending = waiting > 0 && waiting <= TransmitFormat.slotCount
        if isPending { work[queue.transmit.worker] = true }
        return assess(
            slot, \.transmit, isConsistent: isConsistent, isPending: isPending,
            mark: done.rawValue, at: now)
    }

    private mutating func judgeReceive(
        _ slot: Int, _ queue: Queue, _ page: QueueJournal<MappedWords>, at now: UInt64
    ) -> Finding? {
        guard !page.half(.receive).isDisabled else { return nil }
        let isConsistent = page.receive.isConsistent(rings: 2)
        let producer = RingIndex(queue.receiveWords.loadAcquire(at: RingLayout.requestProducer))
        let posted = producer.distance(from: page.receive.done)
        let isPending =
            queue.readableAt == lookCount && posted >= queue.slotsNeeded
            && posted <= ReceiveFormat.slotCount
        if isPending { work[queue.receive.worker] = true }
        return assess(
            slot, \.receive, isConsistent: isConsistent, isPending: isPending,
            // Frames that are read move it, those that are then dropped too.
            mark: page.receive.frames, at: now)
    }

    private mutating func assess(
        _ slot: Int, _ path: WritableKeyPath<Queue, Half>, isConsistent: Bool, isPending: Bool,
        mark: UInt32, at now: UInt64
    ) -> Finding? {
        guard var half = queues[slot]?[keyPath: path] else { return nil }
        defer { queues[slot]?[keyPath: path] = half }
        half.contradictions = isConsistent ? 0 : half.contradictions + 1
        if half.contradictions >= Self.contradictionsMax {
            return Finding(
                reason: "the journal of \(half.name.id) \(half.name.direction) makes no sense",
                silenceNanoseconds: 0)
        }
        var turns: UInt32 = 0
        if !isPending || mark != half.mark {
            half.mark = mark
            // Read after the mark, as the other end is read before it: turns in which the half
            // moved never count, nor those made while the watcher itself did not run.
            readSequence(ofWorker: half.worker)
            half.unmovedSince = lastSequences[half.worker]
        } else {
            isUnmoved[half.worker] = true
            let sequence = RingIndex(lastSequences[half.worker])
            // Two steps of the sequence are one turn.
            turns = sequence.distance(from: RingIndex(half.unmovedSince)) / 2
        }
        let isExpected =
            isPending && region.heartbeat.activity(ofSlot: half.worker) != .resting
        let verdict = half.stall.look(
            isPending: isExpected, progressMark: mark, at: now, limits: stallLimits)
        guard case .stalled(let since) = verdict, turns >= Self.stalledTurnsMin else {
            return nil
        }
        return Finding(
            reason: "\(half.name.id) \(half.name.direction) has work and does not move",
            silenceNanoseconds: now - since)
    }
}
