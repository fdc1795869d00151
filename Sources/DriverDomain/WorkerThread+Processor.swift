// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Heartbeat
import NetBack
import Platform

// When a worker's thread has the processor.
extension WorkerThread where H: ~Copyable {
    /// Takes priority over every normal thread of the domain, where that is allowed, and gives
    /// way to them by `share`. The receiver of a frame that this thread hands to the host would
    /// otherwise often take the processor at once, and packets would go one by one.
    mutating func takePriority(leaving share: ProcessorShare?, isUrgent: Bool) {
        if let share {
            if clinux_set_fifo(0, WorkerPriority.transmitting) == 0 {
                self.share = share
            } else {
                replies.post(
                    .note("no real-time priority for packets from guests: errno \(errno)"))
            }
        } else if isUrgent {
            promptness = Promptness(slots: worker.slotsFilled, at: .now)
            changePriority()
        }
    }

    /// Runs before or after others, or rests, as what it has carried of late asks for.
    ///
    /// - Parameter now: when the last turn began.
    mutating func settlePriority(afterTurnAt now: Instant) {
        if let hurry, hurry.end <= .now {
            self.hurry = nil
            takePriority(leaving: hurry.share, isUrgent: hurry.isUrgent)
        }
        if share?.isLookDue() ?? false { rest() }
        if promptness?.isChanged(slots: worker.slotsFilled, at: now) ?? false { changePriority() }
    }

    /// Runs before others while there is little to carry, and gives way to all otherwise.
    mutating func changePriority() {
        if promptness?.isPrompt ?? false {
            _ = clinux_set_fifo(0, WorkerPriority.prompt)
        } else {
            _ = clinux_set_normal(0)
        }
    }

    /// Leaves the processor to others for as long as it owes them.
    mutating func rest() {
        let now = Instant(nanoseconds: Self.clock(CLOCK_MONOTONIC))
        let used = Self.clock(CLOCK_THREAD_CPUTIME_ID)
        let owed = share?.rest(at: now, used: used) ?? 0
        guard owed > 0 else { return }
        pulse.rest(at: now.nanoseconds, until: now.nanoseconds + owed)
        // Below a second, as the longest rest is. A signal may cut it short.
        var time = timespec(tv_sec: 0, tv_nsec: Int(owed))
        _ = unsafe nanosleep(&time, nil)
    }

    /// Waits until another thread ends the process, and keeps nobody from a processor then.
    func waitForProcessEnd() -> Never {
        _ = clinux_set_normal(0)
        while true { pause() }
    }

    private static func clock(_ id: clockid_t) -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(id, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
