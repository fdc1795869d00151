// SPDX-License-Identifier: Apache-2.0

/// One half of a journalled queue: the number of its queue's page, and which ring.
public struct JournalHalf: Equatable, Hashable, Sendable {
    /// The number of the queue's page.
    public var slot: Int
    /// Which of its rings.
    public var direction: QueueDirection

    /// Names a half by its parts.
    @inlinable
    public init(slot: Int, direction: QueueDirection) {
        self.slot = slot
        self.direction = direction
    }

    /// The word that names it, never 0.
    @inlinable
    var rawValue: UInt32 {
        let number = UInt32(truncatingIfNeeded: slot) << 1
        switch direction {
        case .transmit: return number + 1
        case .receive: return number + 2
        }
    }

    /// Reads such a word; nil for 0 and for a slot that the journal does not have.
    init?(rawValue: UInt32, slotCount: Int) {
        guard rawValue > 0 else { return nil }
        let number = Int((rawValue - 1) >> 1)
        guard number < slotCount else { return nil }
        slot = number
        direction = rawValue % 2 == 1 ? .transmit : .receive
    }
}
