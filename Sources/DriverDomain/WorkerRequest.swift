// SPDX-License-Identifier: Apache-2.0
import NetBack
import Platform

/// What the control plane asks of a worker.
enum WorkerRequest: Sendable {
    /// Open one half of a queue over the TAP behind `tap`, a descriptor that becomes the worker's.
    /// Resuming, it goes on from what a predecessor left in the journal.
    case open(QueueOpening, QueueDirection, tap: Int32, resuming: Bool)
    /// Close a channel that a predecessor left.
    case discard(EventChannelPort)
    /// Hold a half that a sibling serves, over the TAP behind `tap`, which becomes the worker's.
    case follow(QueueOpening, QueueDirection, tap: Int32)
    /// Close a half.
    case close(QueueHalf)
    /// Let go of a half that a sibling serves.
    case forget(QueueHalf)
    /// Name the connection that a half belongs to.
    case rename(QueueHalf, generation: UInt32)
    /// End a half's ring work: the other half has a fault.
    case disable(QueueHalf)
    /// Tell every half's counters.
    case tellStatistics
    /// Leave everything as it is for the successor and end the thread.
    case handOver
    /// Close everything and end the thread.
    case stop
}
