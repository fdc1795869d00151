// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Heartbeat
import Logging
import NetBack
import Platform
import SharedMemory

/// The control thread of a member that does not serve yet: holds what its sibling serves, looks
/// whether the sibling lives, and ends it when it does not.
///
/// It takes nothing over itself: the workers do, each one at the moment when it has its lock.
struct ShadowControl: ~Copyable {
    private static var repliesNumber: UInt64 { 0 }
    private static var signalsNumber: UInt64 { 1 }
    private static var parentNumber: UInt64 { 2 }
    private static var primaryNumber: UInt64 { 3 }
    private static var tapsNumber: UInt64 { 4 }
    /// How often the sibling is looked at.
    static var lookMilliseconds: Int32 { 4 }
    /// The same while nothing happens. A frame in a TAP ends such a rest at once, so that only
    /// what guests send is noticed later by as much.
    static var quietLookMilliseconds: Int32 { 32 }
    /// The same while something is strange: what follows is not to wait for a look.
    static var closeLookMilliseconds: Int32 { 1 }
    /// A process that ends closes its connections this long, at most, before it counts as dead.
    private static var endMilliseconds: Int32 { 100 }
    /// A sibling that lets go of a lock lets go of all within this time.
    private static var handoverNanoseconds: UInt64 { 500_000_000 }
    /// A sibling that holds its locks for so long after SIGKILL cannot be killed.
    private static var killNanoseconds: UInt64 { 2_000_000_000 }

    /// Why the control thread stops standing by.
    enum Ending {
        /// Every worker serves.
        case serving([WorkerStart])
        /// A signal, or the parent's end, asks for the end.
        case stopped
        /// The sibling dropped this process: it is a shadow no more.
        case dismissed
    }

    private let logger: Logger
    private let region: StateRegion
    private let signals: Mailbox<Int32>
    private let poller: Poller
    private var watch: SiblingWatch
    private var primary: Primary?
    /// Queues whose page is known and whose workers have not answered.
    private var asked: [QueueID: Int] = [:]
    private var rings: [QueueHalf: MappedWords] = [:]
    private var starts: [WorkerStart] = []
    private var isComplete = false
    private var isStanding = false

    /// The process that serves.
    struct Primary: ~Copyable {
        let socket: MemberSocket
        let pidfd: Int32
        /// When it was sent SIGKILL.
        var killedAt: Instant?
        var isStuckTold = false

        deinit { if pidfd >= 0 { close(pidfd) } }
    }

    init(
        region: StateRegion, detection: DetectionMode, pool: borrowing WorkerPool,
        parent: borrowing MemberSocket, signals: Mailbox<Int32>, logger: Logger
    ) throws(PlatformError) {
        let poller = try Poller()
        try poller.add(pool.descriptor, number: Self.repliesNumber)
        try poller.add(signals.descriptor, number: Self.signalsNumber)
        try poller.add(parent.descriptor, number: Self.parentNumber)
        let watch = try SiblingWatch(region: region, detection: detection)
        if ThreadState(process: getpid(), thread: clinux_thread_id()) == nil {
            logger.warning(
                """
                this kernel does not say how long a thread has run (CONFIG_SCHEDSTATS): a worker \
                that gets no processor is taken for one that hangs
                """)
        }
        self.poller = poller
        self.region = region
        self.signals = signals
        self.logger = logger
        self.watch = watch
    }

    /// Stands by until the workers serve, or there is nothing to stand by for.
    mutating func run(
        _ pool: inout WorkerPool, _ table: inout QueueTable, parent: borrowing MemberSocket
    ) throws(PlatformError) -> Ending {
        // A look that comes late says nothing: whatever keeps processors busy must not delay it.
        // A worker that takes over ends this, before it wakes this thread.
        let isUrgent = clinux_set_fifo(0, WorkerPriority.waiting) == 0
        defer { if isUrgent { _ = clinux_set_normal(0) } }
        while true {
            // Nothing to hear is what there is most of the time: then there is only a look.
            if try poller.wait(milliseconds: try patience()) > 0,
                let ending = try hearAll(&pool, &table, parent)
            {
                return ending
            }
            look(parent)
            tellIfStanding(parent)
        }
    }

    private mutating func hearAll(
        _ pool: inout WorkerPool, _ table: inout QueueTable, _ parent: borrowing MemberSocket
    ) throws(PlatformError) -> Ending? {
        for signal in signals.takeAll() where signal == SIGTERM || signal == SIGINT {
            return .stopped
        }
        if let ending = hearParent(parent) { return ending }
        let isDismissed = hearPrimary(&pool, &table)
        try takeReplies(&pool, &table)
        if pool.servingCount == region.layout.workers { return .serving(starts) }
        // Workers that have begun to serve are followed by the others at once.
        guard isDismissed, starts.isEmpty, !isPrimaryDead(within: Self.endMilliseconds) else {
            return nil
        }
        // They may have begun meanwhile.
        try takeReplies(&pool, &table)
        return starts.isEmpty ? .dismissed : nil
    }

    /// How long to wait for the next look.
    private mutating func patience() throws(PlatformError) -> Int32 {
        if watch.isQuiet != watch.isResting {
            watch.rest(watch.isQuiet)
            // Told once for each frame that comes: one that its guest has no buffer for stays.
            if watch.isResting {
                try poller.add(watch.epoll, number: Self.tapsNumber, edgeTriggered: true)
            } else {
                poller.remove(watch.epoll)
            }
        }
        guard primary != nil else { return -1 }
        if watch.isStrange { return Self.closeLookMilliseconds }
        return watch.isResting ? Self.quietLookMilliseconds : Self.lookMilliseconds
    }

    private mutating func hearParent(_ parent: borrowing MemberSocket) -> Ending? {
        while true {
            switch parent.receive() {
            case .message(.follow, let descriptors) where descriptors.count == 2:
                primary = Primary(
                    socket: MemberSocket(taking: descriptors[0]), pidfd: descriptors[1])
                try? poller.add(descriptors[0], number: Self.primaryNumber)
            case .message(_, let descriptors):
                for descriptor in descriptors { close(descriptor) }
            case .nothing: return nil
            case .end:
                // An orphan still takes over; it just is not told of a new sibling.
                poller.remove(parent.descriptor)
                return primary == nil ? .stopped : nil
            }
        }
    }

    /// True when the primary has ended the connection.
    private mutating func hearPrimary(
        _ pool: inout WorkerPool, _ table: inout QueueTable
    ) -> Bool {
        while let arrival = primary?.socket.receive() {
            switch arrival {
            case .message(.queue(let slot), let taps) where taps.count == 1:
                hold(Int(slot), tap: taps[0], &pool, &table)
            case .message(.mail(let first), let descriptors):
                watch.learn(descriptors, first: Int(first))
            case .message(.complete, _): isComplete = true
            case .message(.forget(let slot), _): forget(Int(slot), &pool, &table)
            case .message(_, let descriptors):
                for descriptor in descriptors { close(descriptor) }
            case .nothing: return false
            case .end:
                if let descriptor = primary?.socket.descriptor { poller.remove(descriptor) }
                return true
            }
        }
        return false
    }

    private mutating func hold(
        _ slot: Int, tap: Int32, _ pool: inout WorkerPool, _ table: inout QueueTable
    ) {
        defer { close(tap) }
        guard slot < region.layout.queues else { return }
        let page = region.journal.queue(slot)
        guard let opening = page.opening(slot: slot),
            table.enter(opening, interfaceName: page.interfaceName, tap: tap, isOpen: true)
        else { return }
        let taps = (fcntl(tap, F_DUPFD_CLOEXEC, 0), fcntl(tap, F_DUPFD_CLOEXEC, 0))
        guard taps.0 >= 0, taps.1 >= 0 else {
            table.remove(slot)
            logger.error(
                "\(opening.id) is not held: errno \(errno)", metadata: ["remedy": "ulimit -n"])
            return
        }
        asked[opening.id] = slot
        pool.follow(opening, taps: taps)
    }

    private mutating func forget(
        _ slot: Int, _ pool: inout WorkerPool, _ table: inout QueueTable
    ) {
        watch.remove(slot)
        guard let id = table.entries[slot]?.opening.id else {
            primary?.socket.send(.forgot(slot: UInt32(slot)))
            return
        }
        // Workers may have yet to say that they hold it: it is not to be watched then.
        asked[id] = nil
        pool.forget(id)
    }

    private mutating func takeReplies(
        _ pool: inout WorkerPool, _ table: inout QueueTable
    ) throws(PlatformError) {
        for reply in try pool.takeReplies() {
            switch reply {
            case .tookOver(let start): starts.append(start)
            case .firstPacket(let worker, let instant):
                logger.reportFirstPacket(ofWorker: worker, at: instant)
            case .ring(let half, let words): rings[half] = words
            case .followed(let id, let failure): note(id, failure, &table)
            case .forgotten(let id):
                guard let slot = table.slot(of: id) else { continue }
                asked[id] = nil
                rings[QueueHalf(id, .transmit)] = nil
                rings[QueueHalf(id, .receive)] = nil
                table.remove(slot)
                primary?.socket.send(.forgot(slot: UInt32(slot)))
            case .queue(.disabled(let id, let fault)):
                if let slot = table.slot(of: id) { table.update(slot) { $0.fault = fault } }
            case .note(let text): logger.debug("\(text)")
            case .queue, .statistics, .handedOver: break
            }
        }
    }

    private mutating func note(_ id: QueueID, _ failure: String?, _ table: inout QueueTable) {
        guard let slot = asked.removeValue(forKey: id) else { return }
        if let failure {
            logger.warning("\(id) is not held: \(failure)", metadata: ["vif": "\(id.vif)"])
            table.remove(slot)
            return
        }
        guard let entry = table.entries[slot],
            let transmit = rings[QueueHalf(id, .transmit)],
            let receive = rings[QueueHalf(id, .receive)]
        else { return }
        watch.add(slot, entry, transmit: transmit, receive: receive)
    }

    private mutating func tellIfStanding(_ parent: borrowing MemberSocket) {
        guard isComplete, asked.isEmpty, !isStanding else { return }
        isStanding = true
        region.note(.standing)
        parent.send(.standing)
    }

    // MARK: is the primary alive

    /// Waits until the process that served before is gone with all that it had, TAPs that nobody
    /// else holds among it: their names are free then. Its locks are free long before. Packets
    /// flow meanwhile, and one that does not end is waited for no longer than it may take to kill.
    mutating func waitForPrimarysEnd() {
        _ = isPrimaryDead(within: Int32(Self.killNanoseconds / 1_000_000))
    }

    private mutating func isPrimaryDead(within milliseconds: Int32) -> Bool {
        guard let pidfd = primary?.pidfd else { return false }
        var waiting = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        // SAFETY: one local element, and its count.
        return unsafe poll(&waiting, 1, milliseconds) == 1
    }

    /// Why the primary is to be given up, if it is.
    private mutating func find(at now: Instant) -> SiblingWatch.Finding? {
        guard let first = starts.first else { return watch.look(at: now) }
        // Some of its locks are had, and all of them must be: it lets go of all, or is dead.
        let since = now.nanoseconds(since: first.lockedAt)
        guard since > Self.handoverNanoseconds, !isPrimaryDead(within: 0) else { return nil }
        return SiblingWatch.Finding(
            reason: "it lets go of some of its locks only", silenceNanoseconds: since)
    }

    /// Looks at the primary, and kills it if it is given up. Its locks are free when it is gone.
    private mutating func look(_ parent: borrowing MemberSocket) {
        guard primary != nil else { return }
        let now = Instant.now
        if let killedAt = primary?.killedAt {
            guard primary?.isStuckTold == false,
                now.nanoseconds(since: killedAt) > Self.killNanoseconds
            else { return }
            primary?.isStuckTold = true
            logger.critical(
                """
                the primary does not end after SIGKILL: nothing is taken over, since two writers \
                would break every guest; restart the domain
                """)
            region.note(.stuck)
            parent.send(.primaryStuck)
            return
        }
        guard isStanding, let finding = find(at: now) else { return }
        logger.error(
            "the primary is given up: \(finding.reason)",
            metadata: [
                "silent_us": "\(finding.silenceNanoseconds / 1000)",
                "at_ns": "\(now.nanoseconds)",
            ])
        primary?.killedAt = now
        region.note(.givenUp) {
            $0.begin = now.nanoseconds - min(finding.silenceNanoseconds, now.nanoseconds)
            $0.text = finding.reason
        }
        guard let pidfd = primary?.pidfd else { return }
        _ = clinux_pidfd_send_signal(pidfd, SIGKILL)
        DyingThreads.hurry(in: region)
    }
}
