// SPDX-License-Identifier: Apache-2.0

/// Real-time priorities (SCHED_FIFO, sched(7)) of a pair's threads, where they are allowed: higher
/// ones run first, and all of them before every normal thread of the domain.
enum WorkerPriority {
    /// A worker that carries packets from guests.
    static let transmitting: Int32 = 1
    /// A worker that feeds guests, while it has little to carry; and any that has just had its
    /// lock, until what had waited for it is carried.
    static let prompt: Int32 = 2
    /// Who waits for a lock, who watches whether it will be free, and who is to let go of it: none
    /// of them runs for long, and all of them before workers that succeeded others already.
    static let waiting: Int32 = 3
    /// A thread that is to die and has a lock until it does.
    static let dying: Int32 = 4
}
