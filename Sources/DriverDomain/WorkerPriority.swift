// SPDX-License-Identifier: Apache-2.0

/// Real-time priorities (SCHED_FIFO, sched(7)) of a pair's threads, where they are allowed: higher
/// ones run first, and all of them before every normal thread of the domain.
enum WorkerPriority {
    /// A worker that carries packets from guests.
    static let transmitting: Int32 = 1
    /// Who waits for a lock, has just had it, or is to let go of it.
    static let takingOver: Int32 = 2
    /// A thread that is to die and has a lock until it does.
    static let dying: Int32 = 3
}
