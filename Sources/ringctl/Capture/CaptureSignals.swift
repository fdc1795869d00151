// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The signals that end a capture: held back, so that the file's end is written.
enum CaptureSignals {
    private static var set: sigset_t {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGINT)
        unsafe sigaddset(&signals, SIGTERM)
        return signals
    }

    /// Holds them back from now on.
    static func block() {
        var signals = set
        unsafe sigprocmask(SIG_BLOCK, &signals, nil)
    }

    /// Whether one has come.
    static var isPending: Bool {
        var pending = sigset_t()
        unsafe sigpending(&pending)
        return unsafe sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1
    }
}
