// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Platform
import Synchronization

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
