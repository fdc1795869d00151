// SPDX-License-Identifier: Apache-2.0
import NetBack
import Netif
import Ring
import SharedMemory

/// What the journal says of one half of a queue.
struct HalfFigures {
    /// vif, queue and direction.
    let labels: [PrometheusText.Label]
    let direction: QueueDirection
    let statistics: QueueStatistics
    let isDisabled: Bool
    /// Answers that are kept and not yet shown to the guest; nil where the indices make no sense.
    let answersPending: UInt64?
    /// Slots of packets that may be in the host's hands and have no answer, of Tx alone.
    let slotsInFlight: UInt64?

    private init(_ id: QueueID, _ page: QueueJournal<MappedWords>, _ direction: QueueDirection) {
        let half = page.half(direction)
        self.direction = direction
        labels = [
            ("vif", "\(id.vif)"), ("queue", "\(id.index)"),
            ("direction", direction == .transmit ? "tx" : "rx"),
        ]
        statistics = half.statistics
        isDisabled = half.isDisabled
        // In this order: who is ahead is read last, and may be ahead by a ring more meanwhile.
        switch direction {
        case .transmit:
            let (published, done) = (page.transmit.published, page.transmit.done)
            answersPending = Self.fill(done, published, of: TransmitFormat.slotCount)
            slotsInFlight = Self.fill(page.transmit.intended, done, of: TransmitFormat.slotCount)
        case .receive:
            let published = page.receive.published
            answersPending = Self.fill(page.receive.done, published, of: ReceiveFormat.slotCount)
            slotsInFlight = nil
        }
    }

    private static func fill(_ late: RingIndex, _ early: RingIndex, of room: UInt32) -> UInt64? {
        let distance = late.distance(from: early)
        return distance / 2 > room ? nil : UInt64(min(distance, room))
    }

    /// Those of every queue that the journal describes, by vif and queue.
    static func all(in journal: Journal<MappedWords>) -> [HalfFigures] {
        struct Place: Hashable {
            let vif: String
            let index: UInt32
        }
        var queues: [(id: QueueID, page: QueueJournal<MappedWords>)] = []
        for slot in 0..<journal.queueCount {
            let page = journal.queue(slot)
            if let id = page.opening(slot: slot)?.id { queues.append((id, page)) }
        }
        queues.sort {
            ($0.id.vif, $0.id.index, $1.id.generation) < ($1.id.vif, $1.id.index, $0.id.generation)
        }
        // While one connection closes and the next one opens, the newer one stands for both: the
        // format has no place for two samples of the same labels.
        var seen: Set<Place> = []
        return queues.filter {
            seen.insert(Place(vif: "\($0.id.vif)", index: $0.id.index)).inserted
        }.flatMap { queue in
            [QueueDirection.transmit, .receive].map { HalfFigures(queue.id, queue.page, $0) }
        }
    }
}
