// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import NetBack
import Platform
import Synchronization

/// What the control plane asks of a worker.
enum WorkerRequest: Sendable {
    /// Open one half of a queue over the TAP behind `tap`, a descriptor that becomes the worker's.
    case open(QueueOpening, QueueDirection, tap: Int32)
    /// Close a half.
    case close(QueueHalf)
    /// End a half's ring work: the other half has a fault.
    case disable(QueueHalf)
    /// Tell every half's counters.
    case tellStatistics
    /// Close everything and end the thread.
    case stop
}

/// What a worker tells the control plane.
enum WorkerReply: Sendable {
    /// The worker has all its handles and takes requests.
    case started
    /// What became of a half.
    case half(HalfEvent)
    /// A half's counters, because they were asked for.
    case statistics(QueueHalf, QueueStatistics)
    /// Something for a curious operator.
    case note(String)
    /// The worker cannot go on; the process must end.
    case failed(PlatformError)
}

/// Messages from one thread to another, with a descriptor that shows when there are some.
/// Control plane only: it locks and allocates.
final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Mutex<[Message]>([])
    /// Readable while a message waits.
    let descriptor: Int32

    init() throws(PlatformError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw PlatformError("eventfd", errno: errno) }
    }

    deinit { close(descriptor) }

    /// Leaves a message.
    func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        _ = eventfd_write(descriptor, 1)
    }

    /// Takes every message.
    func takeAll() -> [Message] {
        var count: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor, &count)
        return messages.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken
        }
    }
}
