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

    /// A half of a queue that the sibling serves. Plain words: a look copies and counts nothing.
    private struct Half {
        let name: QueueHalf
        let worker: Int
        /// The ring's shared page.
        let ring: MappedWords
        /// What the journal says of it.
        let record: HalfJournal<MappedWords>
        let transmit: TransmitJournal<MappedWords>
        let receive: ReceiveJournal<MappedWords>
        /// Slots without which no frame is read from the TAP.
        let slotsNeeded: UInt32
        var stall: StallDetector
        /// The look that last found a frame in its TAP.
        var readableAt: UInt32 = 0
        /// Where the half stood at the last look, the time since when it stands, and the worker's
        /// beat at the first look that saw it stand with work, nil while none did.
        var mark: UInt32 = 0
        var unmovedAt: UInt64
        var unmovedSince: UInt32?
        /// Looks at which the journal contradicted the ring, one after the other.
        var contradictions = 0
    }

    /// Readable when a TAP has a frame, while whoever looks rests. It takes part in the arrival of
    /// each frame, so that there are no TAPs in it while frames come.
    let epoll: Int32
    private(set) var isResting = false
    /// The TAP of each page; -1 where none is watched.
    private var taps: [pollfd]
    private let region: StateRegion
    /// Two for each page of the journal, Tx first; nil where nothing is watched.
    private var halves: [Half?]
    /// Pages from here on are watched by nobody.
    private var slotsEnd = 0
    private var workers: [WorkerWatch]
    private var work: [Bool]
    /// Workers with a half that has work and has not moved since the last look.
    private var isUnmoved: [Bool]
    /// Workers of which a half has moved since the last look.
    private var hasMoved: [Bool]
    /// Each worker's last beat, as it was before anything else was looked at.
    private var lastSequences: [UInt32]
    /// What a silent worker's thread was doing when its silence was first thought unusual.
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
        halves = Array(repeating: nil, count: 2 * region.layout.queues)
        taps = Array(
            repeating: pollfd(fd: -1, events: Int16(POLLIN), revents: 0),
            count: region.layout.queues)
        let now = Instant.now.nanoseconds
        workers = (0..<region.layout.workers).map { _ in
            WorkerWatch(limits: DetectionLimits(mode: detection), at: now)
        }
        work = Array(repeating: false, count: region.layout.workers)
        isUnmoved = Array(repeating: false, count: region.layout.workers)
        hasMoved = Array(repeating: false, count: region.layout.workers)
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
        let (id, page) = (entry.opening.id, region.journal.queue(slot))
        let needed = entry.opening.receiveSlotsNeeded
        let now = Instant.now.nanoseconds
        for (half, ring) in [
            (QueueHalf(id, .transmit), transmit), (QueueHalf(id, .receive), receive),
        ] {
            let worker = page.half(half.direction).worker
            // The sibling's word: one that makes no sense must not end whoever reads it.
            guard worker < workers.count else { continue }
            halves[place(slot, half.direction)] = Half(
                name: half, worker: worker, ring: ring, record: page.half(half.direction),
                transmit: page.transmit, receive: page.receive, slotsNeeded: needed,
                stall: StallDetector(at: now), unmovedAt: now)
        }
        slotsEnd = max(slotsEnd, slot + 1)
        taps[slot].fd = entry.tap
        if isResting { arm(slot, EPOLL_CTL_ADD) }
    }

    /// Has `epoll` tell of frames, or not any more.
    mutating func rest(_ isResting: Bool) {
        guard isResting != self.isResting else { return }
        self.isResting = isResting
        for slot in 0..<slotsEnd { arm(slot, isResting ? EPOLL_CTL_ADD : EPOLL_CTL_DEL) }
    }

    private func arm(_ slot: Int, _ operation: Int32) {
        guard taps[slot].fd >= 0 else { return }
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        _ = unsafe epoll_ctl(epoll, operation, taps[slot].fd, &event)
    }

    /// Watches a queue no more; before its rings are unmapped and its TAP is closed.
    mutating func remove(_ slot: Int) {
        guard taps.indices.contains(slot) else { return }
        if isResting { arm(slot, EPOLL_CTL_DEL) }
        taps[slot].fd = -1
        halves[place(slot, .transmit)] = nil
        halves[place(slot, .receive)] = nil
        while slotsEnd > 0, halves[place(slotsEnd - 1, .transmit)] == nil,
            halves[place(slotsEnd - 1, .receive)] == nil
        { slotsEnd -= 1 }
    }

    private func place(_ slot: Int, _ direction: QueueDirection) -> Int {
        2 * slot + (direction == .transmit ? 0 : 1)
    }

    /// The last look found a worker or a half that may be dead: the next ones are to come soon.
    private(set) var isStrange = false

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
            hasMoved[worker] = false
            let before = lastSequences[worker]
            readSequence(ofWorker: worker)
            if lastSequences[worker] != before { isMoving = true }
        }
        var finding: Finding?
        isStrange = false
        for slot in 0..<slotsEnd {
            for direction in [QueueDirection.transmit, .receive] {
                let found = judge(slot, direction, at: now)
                if finding == nil { finding = found }
            }
        }
        quietLookCount = isMoving || work.contains(true) ? 0 : quietLookCount + 1
        for worker in workers.indices {
            let beat = region.heartbeat.lastBeat(ofSlot: worker)
            if isUnmoved[worker] { nudge(worker) }
            let verdict = workers[worker].look(beat, hasWork: work[worker], at: now)
            // Whoever carries packets lives, however long a turn takes.
            guard !hasMoved[worker], isHalfDead(worker, verdict, at: now) else {
                suspects[worker] = nil
                continue
            }
            isStrange = true
            suspect(worker)
            guard case .dead(let since) = verdict else { continue }
            guard finding == nil, !isStarving(worker, silence: now - since) else { continue }
            let activity = region.heartbeat.activity(ofSlot: worker).map { "\($0)" } ?? "nonsense"
            finding = Finding(
                reason: "worker \(worker) is silent with work to do, last seen at: \(activity)",
                silenceNanoseconds: now - since)
        }
        return finding
    }

    /// Whether a worker has been silent for half of what is death, and is suspect.
    private func isHalfDead(
        _ worker: Int, _ verdict: WorkerWatch.Verdict, at now: UInt64
    ) -> Bool {
        switch verdict {
        case .alive: false
        case .dead: true
        case .suspect(let since):
            now - min(now, since) >= workers[worker].deadlySilenceNanoseconds / 2
        }
    }

    /// Keeps what the thread of a worker is doing at the first look that finds it half dead.
    private mutating func suspect(_ worker: Int) {
        if suspects[worker] == nil { suspects[worker] = state(ofWorker: worker) }
    }

    private func state(ofWorker worker: Int) -> ThreadState? {
        let owner = region.journal.worker(worker).owner
        return ThreadState(process: owner.process, thread: owner.thread)
    }

    /// Whether a worker is silent because it gets no processor. One that runs and does not beat is
    /// caught once it has run for long enough.
    private func isStarving(_ worker: Int, silence: UInt64) -> Bool {
        guard silence < Self.starvingNanosecondsMax, let state = state(ofWorker: worker) else {
            return false
        }
        return state.isStarving(since: suspects[worker])
    }

    private mutating func readSequence(ofWorker worker: Int) {
        guard let beat = region.heartbeat.lastBeat(ofSlot: worker) else { return }
        lastSequences[worker] = beat.sequence
    }

    /// Which TAPs have a frame: one question for all of them, and a cheap one while none has.
    private mutating func findReadable() {
        if isResting {
            var all = pollfd(fd: epoll, events: Int16(POLLIN), revents: 0)
            // SAFETY: one local element, and its count.
            guard unsafe poll(&all, 1, 0) > 0 else { return }
        }
        // SAFETY: the array has at least as many entries as there are pages in use.
        guard unsafe poll(&taps, nfds_t(slotsEnd), 0) > 0 else { return }
        for slot in 0..<slotsEnd where taps[slot].revents != 0 {
            halves[place(slot, .receive)]?.readableAt = lookCount
        }
    }

    private mutating func judge(
        _ slot: Int, _ direction: QueueDirection, at now: UInt64
    ) -> Finding? {
        let place = place(slot, direction)
        guard let half = halves[place], !half.record.isDisabled else { return nil }
        let sight = direction == .transmit ? transmitSight(of: half) : receiveSight(of: half)
        if sight.isPending { work[half.worker] = true }
        return assess(place, sight, at: now)
    }

    /// What a look sees of a half.
    private struct Sight {
        /// The journal contradicts neither itself nor the ring.
        let isConsistent: Bool
        /// There is something to carry.
        let isPending: Bool
        /// What moves with every packet.
        let mark: UInt32
    }

    private func transmitSight(of half: Half) -> Sight {
        let isConsistent = half.transmit.isConsistent(rings: 2)
        let done = half.transmit.done
        let producer = RingIndex(half.ring.loadAcquire(at: RingLayout.requestProducer))
        let waiting = producer.distance(from: done)
        return Sight(
            isConsistent: isConsistent,
            isPending: waiting > 0 && waiting <= TransmitFormat.slotCount, mark: done.rawValue)
    }

    private func receiveSight(of half: Half) -> Sight {
        let isConsistent = half.receive.isConsistent(rings: 2)
        let producer = RingIndex(half.ring.loadAcquire(at: RingLayout.requestProducer))
        let posted = producer.distance(from: half.receive.done)
        return Sight(
            isConsistent: isConsistent,
            isPending: half.readableAt == lookCount && posted >= half.slotsNeeded
                && posted <= ReceiveFormat.slotCount,
            // Frames that are read move it, those that are then dropped too.
            mark: half.receive.frames)
    }

    private mutating func assess(_ place: Int, _ sight: Sight, at now: UInt64) -> Finding? {
        guard var half = halves[place] else { return nil }
        defer { halves[place] = half }
        half.contradictions = sight.isConsistent ? 0 : half.contradictions + 1
        if half.contradictions >= Self.contradictionsMax {
            return Finding(
                reason: "the journal of \(half.name.id) \(half.name.direction) makes no sense",
                silenceNanoseconds: 0)
        }
        var turns: UInt32 = 0
        if sight.mark != half.mark { hasMoved[half.worker] = true }
        if !sight.isPending || sight.mark != half.mark {
            half.mark = sight.mark
            half.unmovedAt = now
            half.unmovedSince = nil
        } else {
            isUnmoved[half.worker] = true
            let standing = now > half.unmovedAt ? now - half.unmovedAt : 0
            if standing >= stallLimits.stallNanoseconds / 2 { isStrange = true }
            // Read after the mark, as the other end is read before it: turns before it had work, or
            // in which it moved, never count, nor those made while the watcher itself did not run.
            if half.unmovedSince == nil { readSequence(ofWorker: half.worker) }
            let since = half.unmovedSince ?? lastSequences[half.worker]
            half.unmovedSince = since
            let sequence = RingIndex(lastSequences[half.worker])
            // Two steps of the sequence are one turn.
            turns = sequence.distance(from: RingIndex(since)) / 2
        }
        let isExpected =
            sight.isPending && region.heartbeat.activity(ofSlot: half.worker) != .resting
        let verdict = half.stall.look(
            isPending: isExpected, progressMark: sight.mark, at: now, limits: stallLimits)
        guard case .stalled(let since) = verdict, turns >= Self.stalledTurnsMin else {
            return nil
        }
        return Finding(
            reason: "\(half.name.id) \(half.name.direction) has work and does not move",
            silenceNanoseconds: now - since)
    }
}
