// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc
import Synchronization

/// The thread that sends on all flows and the one that receives from all of them.
///
/// Both run before whatever is not urgent, where that is allowed, so that what is measured is not
/// how long they wait for a processor themselves; but not before a pair's workers take over.
final class FlowThreads: Sendable {
    private static var bufferSize: Int { 2048 }
    /// That of a pair's worker that carries packets from guests.
    static var priority: Int32 { 1 }

    private let flows: [NumberedFlow]
    private let intervalNanoseconds: UInt64
    private let isSending = Atomic<Bool>(true)
    private let isReceiving = Atomic<Bool>(true)
    /// Turns that the sender let go by because it was late itself: it never sends a burst.
    private let skipped = Atomic<UInt64>(0)
    private let threads = Mutex<[pthread_t]>([])

    /// Starts both; each flow gets so many packets a second.
    init(_ flows: [NumberedFlow], packetsPerSecond: Int) throws {
        self.flows = flows
        intervalNanoseconds = 1_000_000_000 / UInt64(max(1, packetsPerSecond))
        let receiver = try startThread { self.receive() }
        let sender = try startThread { self.send() }
        threads.withLock { $0 = [sender, receiver] }
    }

    /// Turns that were let go by.
    var skippedTurns: UInt64 { skipped.load(ordering: .relaxed) }

    /// Stops sending, lets what is under way arrive, and stops receiving.
    func stop() {
        let taken = threads.withLock { threads -> [pthread_t] in
            defer { threads = [] }
            return threads
        }
        guard taken.count == 2 else { return }
        // Relaxed: the join is what orders everything.
        isSending.store(false, ordering: .relaxed)
        pthread_join(taken[0], nil)
        usleep(500_000)
        isReceiving.store(false, ordering: .relaxed)
        pthread_join(taken[1], nil)
    }

    private func send() {
        unsafe clinux_set_thread_name("chaos-send")
        _ = clinux_set_fifo(0, Self.priority)
        var buffer = [UInt8](repeating: 0xA5, count: Self.bufferSize)
        var due = UInt64.now
        while isSending.load(ordering: .relaxed) {
            for flow in flows { flow.send(&buffer) }
            due += intervalNanoseconds
            let now = UInt64.now
            if due < now {
                let late = (now - due) / intervalNanoseconds
                skipped.add(late, ordering: .relaxed)
                due += late * intervalNanoseconds
            }
            var time = timespec(
                tv_sec: Int(due / 1_000_000_000), tv_nsec: Int(due % 1_000_000_000))
            _ = unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil)
        }
    }

    private func receive() {
        unsafe clinux_set_thread_name("chaos-receive")
        _ = clinux_set_fifo(0, Self.priority)
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        var waiting = flows.map { pollfd(fd: $0.receiver, events: Int16(POLLIN), revents: 0) }
        while isReceiving.load(ordering: .relaxed) {
            // SAFETY: the array holds as many entries as are announced.
            guard unsafe poll(&waiting, nfds_t(waiting.count), 50) > 0 else { continue }
            for (number, flow) in flows.enumerated() where waiting[number].revents != 0 {
                flow.receive(&buffer)
            }
        }
    }
}
