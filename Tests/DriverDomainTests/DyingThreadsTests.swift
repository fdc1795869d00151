// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import NetBack
import TestSupport
import Testing

@testable import DriverDomain

/// Whether threads may be given priority here: not every user may do that.
private let mayGivePriority: Bool = {
    guard clinux_set_fifo(0, 1) == 0 else { return false }
    return clinux_set_normal(0) == 0
}()

struct DyingThreadsTests {
    @Test(
        "of a process that dies, who has a lock comes first, and who has none comes last",
        .enabled(if: mayGivePriority))
    func order() throws {
        let region = try SampleRegion.make(workers: 3)
        let first = try ChildProcess(["sleep", "60"])
        let second = try ChildProcess(["sleep", "60"])
        // The first one's lock has been had; the second one has its own still.
        region.journal.worker(0).note(process: first.pid, thread: first.pid, since: 0)
        region.journal.worker(1).note(process: second.pid, thread: second.pid, since: 0)
        region.journal.worker(2).note(process: getpid(), thread: clinux_thread_id(), since: 0)

        DyingThreads.hurry(in: region)
        #expect(policy(of: first.pid) == SCHED_FIFO)
        #expect(policy(of: second.pid) == SCHED_FIFO)
        #expect(policy(of: 0) == SCHED_OTHER)

        region.journal.worker(0).note(process: getpid(), thread: clinux_thread_id(), since: 0)
        DyingThreads.reorder(after: (first.pid, first.pid), in: region)
        #expect(policy(of: first.pid) == SCHED_OTHER)
        #expect(policy(of: second.pid) == SCHED_FIFO)
        #expect(policy(of: 0) == SCHED_OTHER)
    }

    /// The scheduling policy of a thread, 0 for this one, without the flag that children do not
    /// inherit it.
    private func policy(of thread: Int32) -> Int32 {
        sched_getscheduler(thread) & ~0x4000_0000
    }
}
