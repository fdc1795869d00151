// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import Platform

/// Signals as messages on a descriptor, for the event loop.
///
/// Made before any thread starts: every thread inherits the mask.
public struct SignalQueue: ~Copyable {
    /// Readable while a signal waits.
    public let descriptor: Int32

    /// Blocks `signals` and takes them over.
    public init(_ signals: [Int32]) throws(PlatformError) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        let result = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        guard result == 0 else { throw PlatformError("pthread_sigmask", errno: result) }
        let made = unsafe signalfd(
            -1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard made >= 0 else { throw PlatformError("signalfd", errno: errno) }
        descriptor = made
    }

    /// Adopts the descriptor of another queue.
    init(taking descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// The next signal, nil when none waits.
    public borrowing func next() -> Int32? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(descriptor, &information, size) == size else { return nil }
        return Int32(information.ssi_signo)
    }
}
