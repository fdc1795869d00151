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
    /// Before all other threads of the domain, those that take over among them.
    private static var priority: Int32 { 3 }

    /// Puts them in order, as far as this process may. Caller: the successor of one of them, when
    /// it has its lock and before it says that it owns it.
    static func reorder(after worker: Int, in region: StateRegion) {
        hurry(in: region)
        let dead = region.journal.worker(worker).owner
        if dead.process != getpid(), dead.thread > 0 { _ = clinux_set_normal(dead.thread) }
    }

    /// Lets every worker that another process has, and which is to die, run before anything else.
    static func hurry(in region: StateRegion) {
        for worker in 0..<region.layout.workers {
            let owner = region.journal.worker(worker).owner
            if owner.process != getpid(), owner.thread > 0 {
                _ = clinux_set_fifo(owner.thread, priority)
            }
        }
    }
}
