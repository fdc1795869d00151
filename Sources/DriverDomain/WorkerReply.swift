// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import NetBack
import Platform
import SharedMemory

/// What a worker tells the control plane.
enum WorkerReply: Sendable {
    /// The worker has all its handles and takes requests.
    case started
    /// The worker has its lock and serves.
    case tookOver(WorkerStart)
    /// The worker has carried its first packet since it took over.
    case firstPacket(worker: Int, at: Instant)
    /// The worker has let go of everything.
    case handedOver(worker: Int)
    /// What became of a half.
    case half(HalfEvent)
    /// The ring page of a half that is followed, until it is forgotten.
    case ring(QueueHalf, MappedWords)
    /// A half's counters, because they were asked for.
    case statistics(QueueHalf, QueueStatistics)
    /// Something for a curious operator.
    case note(String)
    /// The worker cannot go on; the process must end.
    case failed(PlatformError)
}
