// SPDX-License-Identifier: Apache-2.0
import CLinux

/// An event that one thread raises and another waits for; raised while nobody waits, it stays.
package struct Doorbell: ~Copyable, Sendable {
    private let descriptor: Int32

    package init() {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC))
        precondition(descriptor >= 0, "eventfd failed")
    }

    deinit { close(descriptor) }

    /// Raises it.
    package func ring() { _ = eventfd_write(descriptor, 1) }

    /// Waits and lowers it; false when it stays silent for so long that a wake-up must be lost.
    package func wait(milliseconds: Int32 = 20_000) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&waiting, 1, milliseconds) == 1 else { return false }
        var value: eventfd_t = 0
        return unsafe eventfd_read(descriptor, &value) == 0
    }
}
