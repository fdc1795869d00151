// SPDX-License-Identifier: Apache-2.0

/// Which way packets go, as the frontend sees it.
public enum QueueDirection: Hashable, Sendable {
    /// From the guest to the bridge.
    case transmit
    /// From the bridge to the guest.
    case receive
}

/// One direction of one queue: a ring, owned by exactly one worker. The two halves of a queue
/// share nothing that changes, so that each may have a thread of its own.
public struct QueueHalf: Hashable, Sendable {
    /// Which queue.
    public var id: QueueID
    /// Which of its rings.
    public var direction: QueueDirection

    /// Names a half by its parts.
    public init(_ id: QueueID, _ direction: QueueDirection) {
        self.id = id
        self.direction = direction
    }

    /// The queue's other half.
    public var other: QueueHalf {
        switch direction {
        case .transmit: QueueHalf(id, .receive)
        case .receive: QueueHalf(id, .transmit)
        }
    }
}

/// What a worker has to say about a half.
public enum HalfEvent: Sendable {
    /// It serves packets.
    case opened(QueueHalf)
    /// It could not be opened; nothing of it is left.
    case openFailed(QueueHalf, reason: String)
    /// It is closed, and this is what it did; nil if it was not open.
    case closed(QueueHalf, QueueStatistics?)
    /// The guest broke the protocol, or a service failed: it does no more ring work.
    case disabled(QueueHalf, fault: String)
}
