// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Logging
import Platform

/// Takes the process's signals in a thread of its own, and sees to it that the process ends.
///
/// The control thread may be stuck in a request of xenstore that nobody answers: behind
/// /dev/xen/xenbus requests wait in the kernel for as long as xenstored is away.
struct SignalThread {
    /// The control thread has more time than it gives the vifs.
    private static var patienceNanoseconds: UInt64 { 12_000_000_000 }

    /// The signals that came.
    let signals: Mailbox<Int32>

    /// Starts the thread, which runs until the process ends.
    init(_ queue: consuming SignalQueue, logger: Logger) throws(PlatformError) {
        let signals = try Mailbox<Int32>()
        let descriptor = fcntl(queue.descriptor, F_DUPFD_CLOEXEC, 0)
        guard descriptor >= 0 else { throw PlatformError("fcntl(F_DUPFD)", errno: errno) }
        let thread = try startThread {
            unsafe clinux_set_thread_name("signals")
            Self.run(SignalQueue(taking: descriptor), signals, logger)
        }
        pthread_detach(thread)
        self.signals = signals
    }

    private static func run(
        _ queue: consuming SignalQueue, _ signals: Mailbox<Int32>, _ logger: Logger
    ) {
        var deadline: Instant?
        while deadline.map({ .now < $0 }) ?? true {
            var waiting = pollfd(fd: queue.descriptor, events: Int16(POLLIN), revents: 0)
            // SAFETY: one local element, and its count.
            _ = unsafe poll(&waiting, 1, .milliseconds(until: deadline, from: .now))
            while let signal = queue.next() {
                if deadline == nil, signal == SIGTERM || signal == SIGINT {
                    deadline = Instant.now.advanced(byNanoseconds: patienceNanoseconds)
                }
                signals.post(signal)
            }
        }
        logger.critical(
            """
            xenstore or the hypervisor does not answer: ended without closing the vifs, and the \
            next netbackd serves them on
            """)
        _exit(1)
    }
}
