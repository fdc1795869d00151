// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import Heartbeat
import NetBack
import Platform
import SharedMemory
import XenPlatform

/// What the worker threads tell the control plane, once halves are joined to queues.
enum PoolReply {
    /// What came of a command.
    case queue(QueueEvent)
    /// A worker serves what its sibling served.
    case tookOver(WorkerStart)
    /// A worker has carried its first packet since it took over.
    case firstPacket(worker: Int, at: Instant)
    /// Every worker has let go of everything.
    case handedOver
    /// The ring page of a half that a sibling serves, until the half is forgotten.
    case ring(QueueHalf, MappedWords)
    /// A queue that a sibling serves is held, or is not.
    case followed(QueueID, failure: String?)
    /// A queue that a sibling serves is held no more.
    case forgotten(QueueID)
    /// A queue's counters, when it closes or when they were asked for.
    case statistics(QueueID, QueueStatistics, isFinal: Bool)
    /// Something for a curious operator.
    case note(String)
}

/// How a worker came to serve.
struct WorkerStart: Sendable {
    var worker: Int
    var found: WorkerTakeover
    var epoch: LeaseEpoch
    /// When it had its lock.
    var lockedAt: Instant
    /// When every half of it could be served.
    var doneAt: Instant
    /// Whether anybody had the lock before.
    var hasPredecessor: Bool
}

/// The worker threads, as the control plane sees them: some for Tx halves, as many for Rx halves.
struct WorkerPool: ~Copyable {
    /// Readable when a worker has something to tell.
    var descriptor: Int32 { replies.descriptor }
    private let replies: Mailbox<WorkerReply>
    /// The first `pairCount` serve Tx halves, the others Rx halves.
    private let workers: [Mailbox<WorkerRequest>]
    private let threads: [pthread_t]
    private let pairCount: Int
    /// Workers that have their lock.
    private(set) var servingCount = 0
    /// Workers that have let go of everything.
    private var handedOverCount = 0
    /// Which worker owns a half, and how many halves each one owns.
    private var owners: [QueueHalf: Int] = [:]
    private var loads: [Int]
    private var join = QueueJoin()
    /// Queues that a sibling serves, as far as is known here.
    private var followed: Set<QueueID> = []
    private let region: StateRegion

    /// Starts the threads, half of them for each direction. Each one serves when it has its lock
    /// in the region.
    ///
    /// `channels` are inherited descriptors of Xen's event channels, one for each worker; none to
    /// open new ones.
    ///
    /// - Throws: when a thread, or a descriptor, cannot be had.
    init(
        on choice: HypervisorChoice, region: StateRegion, channels: [Int32] = []
    ) throws(PlatformError) {
        let replies = try Mailbox<WorkerReply>()
        var workers: [Mailbox<WorkerRequest>] = []
        var threads: [pthread_t] = []
        let pairCount = region.layout.workers / 2
        let share = ProcessorShare.suiting(
            processorCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)), threadCount: pairCount)
        for number in 0..<2 * pairCount {
            let requests = try Mailbox<WorkerRequest>()
            workers.append(requests)
            let isTransmitting = number < pairCount
            let name =
                isTransmitting ? "netback-tx\(number)" : "netback-rx\(number - pairCount)"
            let channel = number < channels.count ? channels[number] : nil
            let body: @Sendable () -> Void = {
                unsafe clinux_set_thread_name(name)
                serve(
                    WorkerPlace(
                        choice: choice, number: number, channel: channel, region: region,
                        priority: isTransmitting ? share : nil),
                    requests: requests, replies: replies)
            }
            threads.append(try startThread(body))
        }
        self.replies = replies
        self.workers = workers
        self.threads = threads
        self.pairCount = pairCount
        self.region = region
        loads = Array(repeating: 0, count: 2 * pairCount)
    }

    /// Waits until every worker has opened its handles.
    ///
    /// - Throws: when one could not.
    func waitForWorkers() throws(PlatformError) {
        var missing = workers.count
        var others: [WorkerReply] = []
        while missing > 0 {
            var waiting = pollfd(fd: replies.descriptor, events: Int16(POLLIN), revents: 0)
            // SAFETY: one local element, and its count.
            _ = unsafe poll(&waiting, 1, -1)
            for reply in replies.takeAll() {
                switch reply {
                case .started: missing -= 1
                case .failed(let error): throw error
                case .half, .statistics, .note, .ring, .tookOver, .firstPacket,
                    .handedOver:
                    others.append(reply)
                }
            }
        }
        for reply in others { replies.post(reply) }
    }

    /// Gives each half of a queue to the worker of its direction with the fewest.
    ///
    /// One event channel for both rings can be bound by one worker alone: then both halves go to
    /// one of the Rx workers, where serving the other direction as well does no harm.
    mutating func open(_ opening: QueueOpening, tap: Int32) {
        let (transmit, receive) = (
            QueueHalf(opening.id, .transmit), QueueHalf(opening.id, .receive)
        )
        join.open(opening.id)
        let duplicate = fcntl(tap, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else {
            let error = PlatformError("fcntl(F_DUPFD)", errno: errno)
            Glibc.close(tap)
            for half in [transmit, receive] {
                replies.post(.half(.openFailed(half, reason: "\(error)")))
            }
            return
        }
        let receiver = leastLoaded(pairCount..<2 * pairCount)
        assign(receive, to: receiver)
        let transmitter =
            opening.configuration.isSplit ? leastLoaded(0..<pairCount) : receiver
        assign(transmit, to: transmitter)
        workers[transmitter].post(.open(opening, .transmit, tap: tap, resuming: false))
        workers[receiver].post(.open(opening, .receive, tap: duplicate, resuming: false))
    }

    /// Gives each half of a queue to the worker that served it before its process died, to go on
    /// from the journal. `taps` are two descriptors of its new TAP, which become the workers'.
    mutating func resume(_ opening: QueueOpening, taps: (Int32, Int32)) {
        let queue = region.journal.queue(opening.slot)
        let last = workers.count - 1
        let transmitter = min(queue.half(.transmit).worker, last)
        let receiver = min(queue.half(.receive).worker, last)
        join.open(opening.id)
        assign(QueueHalf(opening.id, .transmit), to: transmitter)
        assign(QueueHalf(opening.id, .receive), to: receiver)
        workers[transmitter].post(.open(opening, .transmit, tap: taps.0, resuming: true))
        workers[receiver].post(.open(opening, .receive, tap: taps.1, resuming: true))
    }

    /// Closes the channels of a queue that a predecessor left and nobody serves.
    func discard(_ slot: Int) {
        for direction in [QueueDirection.transmit, .receive] {
            let half = region.journal.queue(slot).half(direction)
            guard half.worker < workers.count else { continue }
            workers[half.worker].post(.discard(half.channel))
        }
    }

    /// Gives each half of a queue that a sibling serves to the worker of the number that serves it
    /// there. `taps` are two descriptors of its TAP, which become the workers'.
    mutating func follow(_ opening: QueueOpening, taps: (Int32, Int32)) {
        let queue = region.journal.queue(opening.slot)
        let (transmitter, receiver) = (
            queue.half(.transmit).worker, queue.half(.receive).worker
        )
        guard transmitter < workers.count, receiver < workers.count else {
            Glibc.close(taps.0)
            Glibc.close(taps.1)
            let reason = "its worker is \(max(transmitter, receiver))"
            for direction in [QueueDirection.transmit, .receive] {
                replies.post(
                    .half(.openFailed(QueueHalf(opening.id, direction), reason: reason)))
            }
            return
        }
        followed.insert(opening.id)
        join.open(opening.id)
        assign(QueueHalf(opening.id, .transmit), to: transmitter)
        assign(QueueHalf(opening.id, .receive), to: receiver)
        workers[transmitter].post(.follow(opening, .transmit, tap: taps.0))
        workers[receiver].post(.follow(opening, .receive, tap: taps.1))
    }

    /// Names the connection that a followed queue belongs to, and makes it a served one.
    mutating func rename(_ id: QueueID, generation: UInt32) {
        var renamed = id
        renamed.generation = generation
        followed.remove(id)
        join.rename(id, to: renamed)
        for direction in [QueueDirection.transmit, .receive] {
            guard let owner = owners.removeValue(forKey: QueueHalf(id, direction)) else {
                continue
            }
            owners[QueueHalf(renamed, direction)] = owner
            workers[owner].post(.rename(QueueHalf(id, direction), generation: generation))
        }
    }

    /// Lets go of a queue that a sibling serves.
    mutating func forget(_ id: QueueID) {
        for direction in [QueueDirection.transmit, .receive] {
            guard let owner = owners[QueueHalf(id, direction)] else { continue }
            workers[owner].post(.forget(QueueHalf(id, direction)))
        }
    }

    /// What wakes each worker, for a shadow that thinks it should have work.
    var mailDescriptors: [Int32] { workers.map(\.descriptor) }

    /// Leaves everything as it is for the successor; told by `handedOver`. What a worker is in the
    /// middle of must not wait for a processor behind those that have succeeded others already.
    func handOver() {
        for (number, worker) in workers.enumerated() {
            let owner = region.journal.worker(number).owner
            if owner.process == getpid(), owner.thread > 0 {
                _ = clinux_set_fifo(owner.thread, WorkerPriority.waiting)
            }
            worker.post(.handOver)
        }
    }

    /// Asks a queue's owners to close it; false when no worker has it.
    mutating func close(_ id: QueueID) -> Bool {
        guard let answers = join.close(id) else { return false }
        _ = perform(answers)
        return true
    }

    /// Everything that workers told since the last time.
    ///
    /// - Throws: what a worker ended with.
    mutating func takeReplies() throws(PlatformError) -> [PoolReply] {
        var taken: [PoolReply] = []
        for reply in replies.takeAll() {
            switch reply {
            case .half(let event):
                switch event {
                case .closed(let half, _), .openFailed(let half, _):
                    if let owner = owners.removeValue(forKey: half) { loads[owner] -= 1 }
                case .opened, .disabled: break
                }
                taken += perform(join.take(event))
            case .statistics(let half, let statistics):
                taken += perform(join.take(half, statistics))
            case .note(let text): taken.append(.note(text))
            case .ring(let half, let words): taken.append(.ring(half, words))
            case .tookOver(let start):
                servingCount += 1
                taken.append(.tookOver(start))
            case .firstPacket(let worker, let instant):
                taken.append(.firstPacket(worker: worker, at: instant))
            case .handedOver:
                handedOverCount += 1
                if handedOverCount == workers.count { taken.append(.handedOver) }
            case .failed(let error): throw error
            case .started: break
            }
        }
        return taken
    }

    /// Asks every worker for its halves' counters.
    mutating func askForStatistics() {
        join.forgetTold()
        for worker in workers { worker.post(.tellStatistics) }
    }

    /// Ends every thread and waits for it.
    consuming func stop() {
        for worker in workers { worker.post(.stop) }
        for thread in threads { pthread_join(thread, nil) }
    }

    private func leastLoaded(_ range: Range<Int>) -> Int {
        range.min { loads[$0] < loads[$1] } ?? range.lowerBound
    }

    private mutating func assign(_ half: QueueHalf, to worker: Int) {
        owners[half] = worker
        loads[worker] += 1
    }

    /// Passes on what is for workers; returns what is for the control plane.
    private mutating func perform(_ answers: [QueueJoin.Answer]) -> [PoolReply] {
        var told: [PoolReply] = []
        for answer in answers {
            switch answer {
            case .event(.opened(let id)) where followed.contains(id):
                told.append(.followed(id, failure: nil))
            case .event(.openFailed(let id, let reason)) where followed.contains(id):
                followed.remove(id)
                told.append(.followed(id, failure: reason))
            case .event(.closed(let id)) where followed.contains(id):
                followed.remove(id)
                told.append(.forgotten(id))
            case .event(let event): told.append(.queue(event))
            case .statistics(let id, let statistics, let isFinal):
                told.append(.statistics(id, statistics, isFinal: isFinal))
            case .close(let half):
                let isFollowed = followed.contains(half.id)
                if let owner = owners[half] {
                    workers[owner].post(isFollowed ? .forget(half) : .close(half))
                }
            case .disable(let half):
                if let owner = owners[half] { workers[owner].post(.disable(half)) }
            }
        }
        return told
    }
}

/// What a worker thread is told at its start.
private struct WorkerPlace: Sendable {
    var choice: HypervisorChoice
    var number: Int
    /// An inherited descriptor of Xen's event channels.
    var channel: Int32?
    var region: StateRegion
    var priority: ProcessorShare?
}

/// The body of a worker thread.
private func serve(
    _ place: WorkerPlace, requests: Mailbox<WorkerRequest>, replies: Mailbox<WorkerReply>
) {
    do throws(PlatformError) {
        switch place.choice {
        case .xen:
            var thread = try WorkerThread(
                hypervisor: try XenHypervisor(sharing: place.channel), number: place.number,
                region: place.region, requests: requests, replies: replies
            ) { worker in turn(&worker) }
            try thread.run(leaving: place.priority)
        case .emulated(let socket):
            var thread = try WorkerThread(
                hypervisor: try EmulatedHypervisor(socket: socket), number: place.number,
                region: place.region, requests: requests, replies: replies
            ) { worker in turn(&worker) }
            try thread.run(leaving: place.priority)
        }
    } catch {
        replies.post(.failed(error))
    }
}

extension XenHypervisor {
    /// Over an inherited descriptor of event channels, or over one of its own.
    fileprivate init(sharing channel: Int32?) throws(PlatformError) {
        if let channel {
            try self.init(channels: channel)
        } else {
            try self.init()
        }
    }
}
