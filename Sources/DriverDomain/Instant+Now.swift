// SPDX-License-Identifier: Apache-2.0
import Glibc
public import Platform

extension Instant {
    /// The kernel's monotonic clock.
    public static var now: Instant {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(
            nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }
}

extension Int32 {
    /// A timeout for a poller that is to wake at `end` and not before: -1, for ever, without one.
    static func milliseconds(until end: Instant?, from now: Instant) -> Int32 {
        guard let end else { return -1 }
        return Int32(clamping: (end.nanoseconds(since: now) + 999_999) / 1_000_000)
    }
}
