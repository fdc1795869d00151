// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import Heartbeat
import HostNetwork
import NetBack
import Platform
import SharedMemory
import XenPlatform

/// A hypervisor whose pending event channels can be waited for.
protocol WaitableHypervisor: Hypervisor, ~Copyable {
    /// Readable when a port is pending.
    var descriptor: Int32 { get }
}

extension XenHypervisor: WaitableHypervisor {}
extension EmulatedHypervisor: WaitableHypervisor {}

/// How a half comes to a worker.
private enum OpeningManner {
    /// Nothing is known of it but what the guest published.
    case fresh
    /// A predecessor left it in the journal.
    case resuming
    /// A sibling serves it.
    case following
}

/// One worker: a thread with handles, halves of queues and scratch memory of its own.
///
/// It holds what a sibling serves until it has its lock, which nobody else has then, and serves
/// from then on.
struct WorkerThread<H: WaitableHypervisor & ~Copyable>: ~Copyable {
    /// Frames of guests that never announce their buffers are tried again after this long, as
    /// Linux's backend does.
    private static var pollMilliseconds: Int32 { 30 }
    /// Who waits for its lock looks at its mail so often, and less often after a second in which
    /// there was none.
    private static var standbyMilliseconds: Int32 { 50 }
    private static var quietStandbyMilliseconds: Int32 { 200 }
    private static var quietLooksMin: Int { 20 }
    private static var hurryMilliseconds: Int32 { 5 }
    /// Number of the event-channel descriptor in the poller, then the mailbox, then the Rx halves.
    private static var channelsNumber: UInt64 { 0 }
    private static var mailboxNumber: UInt64 { 1 }
    private static var firstHalfNumber: UInt64 { 2 }

    var worker: Worker<H, TapDevice>
    let region: StateRegion
    var pulse: Pulse<MappedWords>
    private let lease: Lease<MappedWords>
    /// Which of the worker's lives this one is; none before it serves.
    private var epoch = LeaseEpoch.none
    private let poller: Poller
    private let requests: Mailbox<WorkerRequest>
    let replies: Mailbox<WorkerReply>
    private let turn: (inout Worker<H, TapDevice>) -> Bool
    /// What Tx halves write through; made with the first, nil where the kernel does not allow it.
    private var ring: TapRing?
    private var isRingTried = false
    /// The descriptors of Rx halves' TAPs, which belong to these.
    private var waited: [QueueHalf: Int32] = [:]
    /// What the thread leaves to others, nil while it has no priority over them.
    var share: ProcessorShare?
    /// Whether the thread runs before those that take from guests, nil if it never does.
    var promptness: Promptness?
    /// What the halves had carried at the takeover, until the first packet after it is carried.
    private var packetsBefore: UInt64?
    /// Nil once the thread gives way to others as it does while nothing is wrong.
    var hurry: Hurry?
    private var isStopping = false
    /// The end is a handover: everything stays as it is for the successor.
    private var isHandingOver = false

    init(
        hypervisor: consuming H, number: Int, region: StateRegion,
        requests: Mailbox<WorkerRequest>, replies: Mailbox<WorkerReply>,
        turn: @escaping (inout Worker<H, TapDevice>) -> Bool
    ) throws(PlatformError) {
        let poller = try Poller()
        try poller.add(hypervisor.descriptor, number: Self.channelsNumber)
        try poller.add(requests.descriptor, number: Self.mailboxNumber)
        self.poller = poller
        worker = Worker(
            hypervisor: hypervisor, number: number, journal: region.journal,
            arena: region.arena(of: number))
        lease = region.journal.worker(number).lease
        pulse = region.heartbeat.pulse(ofSlot: number)
        self.region = region
        self.requests = requests
        self.replies = replies
        self.turn = turn
    }

    /// Stands by until it has its lock, then serves until told to stop. At the end every queue is
    /// closed, unless it is handed over.
    ///
    /// - Parameter share: what is left to others, for a thread that takes priority over them.
    /// - Throws: when the poller or the event-channel device failed.
    mutating func run(leaving share: ProcessorShare?) throws(PlatformError) {
        replies.post(.started)
        // A waiter is to run at once when its lock is free, whatever else there is to do.
        let isUrgent = clinux_set_fifo(0, WorkerPriority.waiting) == 0
        let acquisition = try standBy()
        let takenAt = Instant.now
        // From here on it may be busy, and others still wait for theirs.
        if isUrgent { _ = clinux_set_fifo(0, WorkerPriority.prompt) }
        do throws(PlatformError) {
            takeRequests()
            let start = try takeOver(isOwnerDead: acquisition == .ownerDied, at: takenAt)
            // What has waited is carried before anybody is told.
            _ = turn(&worker)
            tell(of: start)
            tellOfFirstPacket()
            hurry = Hurry(
                end: takenAt.advanced(
                    byNanoseconds: UInt64(Self.hurryMilliseconds) * 1_000_000),
                share: share, isUrgent: isUrgent)
            try serve()
        } catch {
            close()
            throw error
        }
        close()
    }

    /// Holds what a sibling serves, until the lock is this thread's. Who is to stand by no more
    /// ends with its process.
    private mutating func standBy() throws(PlatformError) -> StateRegion.Acquisition {
        var patience: Int32 = 0
        var emptyLooks = 0
        while true {
            let acquisition = try region.lock(worker.number, milliseconds: patience)
            guard acquisition == .busy else { return acquisition }
            emptyLooks = takeRequests() ? 0 : emptyLooks + 1
            let isQuiet = emptyLooks >= Self.quietLooksMin
            patience = isQuiet ? Self.quietStandbyMilliseconds : Self.standbyMilliseconds
        }
    }

    /// Serves on where the last owner of the lock left off.
    ///
    /// - Returns: what is to be told of it, once what has waited is carried.
    private mutating func takeOver(
        isOwnerDead: Bool, at takenAt: Instant
    ) throws(PlatformError) -> WorkerStart {
        let holder = lease.holder
        // Who lets go of a lock leaves nothing that would have to be explained.
        if isOwnerDead { keepEvidence(at: takenAt) }
        guard let epoch = lease.acquire(succeeding: holder) else {
            throw PlatformError("the lease of a worker", errno: EBUSY)
        }
        self.epoch = epoch
        let page = region.journal.worker(worker.number)
        let predecessor = page.owner
        page.note(process: getpid(), thread: clinux_thread_id(), since: takenAt.nanoseconds)
        if isOwnerDead { DyingThreads.reorder(after: predecessor, in: region) }
        pulse.enter(.opening)
        pulse.beat(at: takenAt.nanoseconds)
        let found = try worker.takeOver()
        if found.packetsCarried == 0, found.halfCount > 0 { packetsBefore = worker.packetCount }
        return WorkerStart(
            worker: worker.number, found: found, epoch: epoch, lockedAt: takenAt, doneAt: .now,
            hasPredecessor: holder != .none)
    }

    private mutating func close() {
        guard !isHandingOver else {
            pulse.enter(.stopped)
            region.unlock(worker.number)
            replies.post(.handedOver(worker: worker.number))
            // What is left goes with the process, which ends now: to give it back here would only
            // keep the successor from a processor.
            waitForProcessEnd()
        }
        worker.closeAll()
        pulse.enter(.stopped)
        region.unlock(worker.number)
    }

    private mutating func serve() throws(PlatformError) {
        var hasMore = true
        var lastPoll = ContinuousClock.now
        while !isStopping {
            let isPolling = worker.needsPolling
            pulse.enter(.waiting)
            let ready = try poller.wait(
                milliseconds: hasMore ? 0 : patience(isPolling: isPolling))
            let now = Instant.now
            pulse.beat(at: now.nanoseconds)
            pulse.enter(.events)
            // A predecessor that comes back to life finds that it is none of its business.
            guard lease.isHeld(by: epoch) else {
                throw PlatformError("a successor has the lease", errno: ESTALE)
            }
            obeyInjectedFault()
            // By the clock: other queues' traffic must not put a poll off.
            if isPolling, lastPoll.duration(to: .now) >= .milliseconds(Self.pollMilliseconds) {
                worker.unblockReceive()
                lastPoll = .now
            }
            for position in 0..<ready {
                let number = poller.number(at: position)
                switch number {
                case Self.channelsNumber: try worker.takeEvents()
                case Self.mailboxNumber:
                    takeRequests()
                    // What waits now is the successor's.
                    if isHandingOver { return }
                    // A shadow may have seen work of which no event was raised.
                    worker.lookAtEverything()
                default: worker.portIsReadable(Int(number - Self.firstHalfNumber))
                }
            }
            pulse.enter(isTransmitting ? .transmit : .receive)
            hasMore = turn(&worker)
            if packetsBefore != nil { tellOfFirstPacket() }
            settlePriority(afterTurnAt: now)
            while let fault = worker.takeFault() { tell(fault) }
        }
    }

    /// How long to wait for something to do.
    private func patience(isPolling: Bool) -> Int32 {
        // Who has nothing to do gives way to others again all the same.
        if hurry != nil { return Self.hurryMilliseconds }
        return isPolling ? Self.pollMilliseconds : -1
    }

    /// Whether it is one of those for packets from guests.
    private var isTransmitting: Bool { worker.number < region.layout.workers / 2 }

    /// Only until it was told: then packets cost nothing.
    private mutating func tellOfFirstPacket() {
        guard let before = packetsBefore, worker.packetCount != before else { return }
        packetsBefore = nil
        reportFirstPacket(at: .now)
    }

    /// Does what a test asked for: a worker that sleeps, or one that is busy with nothing.
    private func obeyInjectedFault() {
        let page = region.journal.worker(worker.number)
        let wish = page.injectedFault
        guard wish != InjectedFault.none.rawValue else { return }
        // It is this process's fault, and not its successors' as well.
        page.inject(InjectedFault.none.rawValue)
        switch InjectedFault(rawValue: wish) {
        case .none?, nil: return
        case .sleep?: while true { pause() }
        // A loop that reads nothing is no loop any more once it is optimised.
        case .spin?: while page.injectedFault == InjectedFault.none.rawValue {}
        case .crash?: abort()
        }
    }

    /// - Returns: whether there were any.
    @discardableResult
    private mutating func takeRequests() -> Bool {
        let taken = requests.takeAll()
        for request in taken {
            switch request {
            case .open(let opening, let direction, let tap, let resuming):
                open(opening, direction, tap, resuming ? .resuming : .fresh)
            case .discard(let channel): worker.discard(channel)
            case .follow(let opening, let direction, let tap):
                open(opening, direction, tap, .following)
                takeUpLate(QueueHalf(opening.id, direction))
            case .close(let half): close(half)
            case .forget(let half): forget(half)
            case .rename(let half, let generation): rename(half, generation)
            case .disable(let half): worker.disable(half)
            case .tellStatistics:
                worker.forEachHalf { half, statistics in
                    replies.post(.statistics(half, statistics))
                }
            case .handOver:
                isHandingOver = true
                isStopping = true
            case .stop: isStopping = true
            }
        }
        return !taken.isEmpty
    }

    /// A half that is followed only after this worker has begun to serve is served at once.
    private mutating func takeUpLate(_ half: QueueHalf) {
        guard epoch != .none else { return }
        _ = worker.resume(half)
        if packetsBefore != nil { packetsBefore = worker.packetCount }
    }

    private mutating func open(
        _ opening: QueueOpening, _ direction: QueueDirection, _ tap: Int32,
        _ manner: OpeningManner
    ) {
        let half = QueueHalf(opening.id, direction)
        do throws(QueueFault) {
            switch direction {
            case .transmit: try openTransmit(opening, tap, manner)
            case .receive: try openReceive(opening, tap, manner)
            }
            if manner == .following, let words = worker.ring(of: half) {
                replies.post(.ring(half, words))
            }
            if manner == .following {
                replies.post(.half(.opened(half)))
            } else {
                tell(.opened(half))
            }
        } catch {
            replies.post(.half(.openFailed(half, reason: "\(error)")))
        }
    }

    private mutating func openTransmit(
        _ opening: QueueOpening, _ tap: Int32, _ manner: OpeningManner
    ) throws(QueueFault) {
        openRing()
        var port = TapDevice(taking: tap, ring: ring)
        // Asked at a takeover, the kernel might make it wait.
        port.learnName()
        switch manner {
        case .following: try worker.followTransmit(opening, port: port)
        case .fresh: try worker.openTransmit(opening, port: port)
        case .resuming: try worker.openTransmit(opening, port: port, resuming: true)
        }
    }

    private mutating func openReceive(
        _ opening: QueueOpening, _ tap: Int32, _ manner: OpeningManner
    ) throws(QueueFault) {
        let half = QueueHalf(opening.id, .receive)
        var port = TapDevice(taking: tap)
        port.learnName()
        let number =
            switch manner {
            case .following: try worker.followReceive(opening, port: port)
            case .fresh: try worker.openReceive(opening, port: port)
            case .resuming: try worker.openReceive(opening, port: port, resuming: true)
            }
        do throws(PlatformError) {
            // Edge-triggered: the half remembers that its port is readable until it is empty.
            try poller.add(
                tap, number: Self.firstHalfNumber + UInt64(number), edgeTriggered: true)
        } catch {
            if manner == .following { worker.forget(half) } else { _ = worker.close(half) }
            throw .platform(error)
        }
        waited[half] = tap
    }

    private mutating func close(_ half: QueueHalf) {
        // The Tx half has a descriptor of the same TAP, which would keep this one in the poller.
        if let tap = waited.removeValue(forKey: half) { poller.remove(tap) }
        tell(.closed(half, worker.close(half)))
    }

    private mutating func forget(_ half: QueueHalf) {
        if let tap = waited.removeValue(forKey: half) { poller.remove(tap) }
        worker.forget(half)
        replies.post(.half(.closed(half, nil)))
    }

    private mutating func rename(_ half: QueueHalf, _ generation: UInt32) {
        var renamed = half
        renamed.id.generation = generation
        if let tap = waited.removeValue(forKey: half) { waited[renamed] = tap }
        worker.rename(half, generation: generation)
    }

    private mutating func openRing() {
        guard !isRingTried else { return }
        isRingTried = true
        do throws(PlatformError) {
            ring = try TapRing()
        } catch {
            replies.post(.note("frames are written to TAPs one by one: \(error)"))
        }
    }
}
