// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import NetBack
import Platform
import XenPlatform

/// The worker threads, as the control plane sees them.
struct WorkerPool: ~Copyable {
    /// What the workers tell.
    let replies: Mailbox<WorkerReply>
    private let workers: [Mailbox<WorkerRequest>]
    private let threads: [pthread_t]
    /// Which worker owns a queue, and how many queues each one owns.
    private var owners: [QueueID: Int] = [:]
    private var loads: [Int]

    /// Starts `count` threads.
    ///
    /// - Throws: when a thread, or a descriptor, cannot be had.
    init(count: Int, on choice: HypervisorChoice) throws(PlatformError) {
        let replies = try Mailbox<WorkerReply>()
        var workers: [Mailbox<WorkerRequest>] = []
        var threads: [pthread_t] = []
        for number in 0..<count {
            let requests = try Mailbox<WorkerRequest>()
            workers.append(requests)
            let body: @Sendable () -> Void = {
                unsafe clinux_set_thread_name("netback-\(number)")
                serve(choice, requests: requests, replies: replies)
            }
            threads.append(try startThread(body))
        }
        self.replies = replies
        self.workers = workers
        self.threads = threads
        loads = Array(repeating: 0, count: count)
    }

    /// Gives a queue to the worker with the fewest.
    mutating func open(_ opening: QueueOpening, tap: Int32) {
        let chosen = loads.indices.min { loads[$0] < loads[$1] } ?? 0
        owners[opening.id] = chosen
        loads[chosen] += 1
        workers[chosen].post(.open(opening, tap: tap))
    }

    /// Asks a queue's owner to close it; false when no worker has it.
    mutating func close(_ id: QueueID) -> Bool {
        guard let owner = owners[id] else { return false }
        workers[owner].post(.close(id))
        return true
    }

    /// Notes that a queue is closed, or was never opened.
    mutating func forget(_ id: QueueID) {
        guard let owner = owners.removeValue(forKey: id) else { return }
        loads[owner] -= 1
    }

    /// Asks every worker for its queues' counters.
    func askForStatistics() {
        for worker in workers { worker.post(.tellStatistics) }
    }

    /// Ends every thread and waits for it.
    consuming func stop() {
        for worker in workers { worker.post(.stop) }
        for thread in threads { pthread_join(thread, nil) }
    }
}

/// The body of a worker thread.
private func serve(
    _ choice: HypervisorChoice, requests: Mailbox<WorkerRequest>, replies: Mailbox<WorkerReply>
) {
    do throws(PlatformError) {
        switch choice {
        case .xen:
            var thread = try WorkerThread(
                hypervisor: try XenHypervisor(), requests: requests, replies: replies
            ) { worker in turn(&worker) }
            try thread.run()
        case .emulated(let socket):
            var thread = try WorkerThread(
                hypervisor: try EmulatedHypervisor(socket: socket), requests: requests,
                replies: replies
            ) { worker in turn(&worker) }
            try thread.run()
        }
    } catch {
        replies.post(.failed(error))
    }
}

/// Starts a thread that runs `body` once.
private func startThread(_ body: @escaping @Sendable () -> Void) throws(PlatformError) -> pthread_t
{
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
