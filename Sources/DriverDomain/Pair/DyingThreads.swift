// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import NetBack
import SharedMemory

/// The threads of a process that was killed.
///
/// Each of them ends when it next gets a processor, and has its lock until then: whoever still has
/// one must run before anybody else. Whoever has none any more only gives memory back, which takes
/// milliseconds, and must not do that before others run because it once had priority.
enum DyingThreads {
    /// Puts them in order, as far as this process may. Caller: the successor of one of them, once
    /// it has noted that it owns the lock: from then on no other successor takes the dead thread
    /// for one that has it.
    static func reorder(after dead: (process: Int32, thread: Int32), in region: StateRegion) {
        if dead.process != getpid(), dead.thread > 0 { _ = clinux_set_normal(dead.thread) }
        hurry(in: region)
    }

    /// Lets every worker that another process has, and which is to die, run before anything else.
    static func hurry(in region: StateRegion) {
        for worker in 0..<region.layout.workers {
            let owner = region.journal.worker(worker).owner
            if owner.process != getpid(), owner.thread > 0 {
                _ = clinux_set_fifo(owner.thread, WorkerPriority.dying)
            }
        }
    }
}
