// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import NetBack
import Platform
import XenPlatform

/// What the worker threads tell the control plane, once halves are joined to queues.
enum PoolReply {
    /// What came of a command.
    case queue(QueueEvent)
    /// A queue's counters, when it closes or when they were asked for.
    case statistics(QueueID, QueueStatistics, isFinal: Bool)
    /// Something for a curious operator.
    case note(String)
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
    /// Which worker owns a half, and how many halves each one owns.
    private var owners: [QueueHalf: Int] = [:]
    private var loads: [Int]
    private var join = QueueJoin()

    /// Starts `pairCount` threads for each direction.
    ///
    /// - Throws: when a thread, or a descriptor, cannot be had.
    init(pairCount: Int, on choice: HypervisorChoice) throws(PlatformError) {
        let replies = try Mailbox<WorkerReply>()
        var workers: [Mailbox<WorkerRequest>] = []
        var threads: [pthread_t] = []
        let share = ProcessorShare.suiting(
            processorCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)), threadCount: pairCount)
        for number in 0..<2 * pairCount {
            let requests = try Mailbox<WorkerRequest>()
            workers.append(requests)
            let isTransmitting = number < pairCount
            let name =
                isTransmitting ? "netback-tx\(number)" : "netback-rx\(number - pairCount)"
            let body: @Sendable () -> Void = {
                unsafe clinux_set_thread_name(name)
                // A thread that fed guests before anything else would do so frame by frame.
                serve(
                    choice, requests: requests, replies: replies,
                    priority: isTransmitting ? share : nil)
            }
            threads.append(try startThread(body))
        }
        self.replies = replies
        self.workers = workers
        self.threads = threads
        self.pairCount = pairCount
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
                case .half, .statistics, .note: others.append(reply)
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
        workers[transmitter].post(.open(opening, .transmit, tap: tap))
        workers[receiver].post(.open(opening, .receive, tap: duplicate))
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
    private func perform(_ answers: [QueueJoin.Answer]) -> [PoolReply] {
        var told: [PoolReply] = []
        for answer in answers {
            switch answer {
            case .event(let event): told.append(.queue(event))
            case .statistics(let id, let statistics, let isFinal):
                told.append(.statistics(id, statistics, isFinal: isFinal))
            case .close(let half):
                if let owner = owners[half] { workers[owner].post(.close(half)) }
            case .disable(let half):
                if let owner = owners[half] { workers[owner].post(.disable(half)) }
            }
        }
        return told
    }
}

/// The body of a worker thread.
private func serve(
    _ choice: HypervisorChoice, requests: Mailbox<WorkerRequest>, replies: Mailbox<WorkerReply>,
    priority: ProcessorShare?
) {
    do throws(PlatformError) {
        switch choice {
        case .xen:
            var thread = try WorkerThread(
                hypervisor: try XenHypervisor(), requests: requests, replies: replies
            ) { worker in turn(&worker) }
            if let priority { thread.takePriority(leaving: priority) }
            try thread.run()
        case .emulated(let socket):
            var thread = try WorkerThread(
                hypervisor: try EmulatedHypervisor(socket: socket), requests: requests,
                replies: replies
            ) { worker in turn(&worker) }
            if let priority { thread.takePriority(leaving: priority) }
            try thread.run()
        }
    } catch {
        replies.post(.failed(error))
    }
}

/// Starts a thread that runs `body` once.
func startThread(_ body: @escaping @Sendable () -> Void) throws(PlatformError) -> pthread_t {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    // SAFETY: the box is retained here and released by the thread, exactly once.
    let box = unsafe Unmanaged.passRetained(Box(body))
    let result = unsafe pthread_create(
        &thread, nil,
        { argument in
            if let argument = unsafe argument {
                unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            }
            return nil
        }, box.toOpaque())
    guard result == 0 else {
        unsafe box.release()
        throw PlatformError("pthread_create", errno: result)
    }
    return thread
}
