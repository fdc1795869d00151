// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What a worker needs to know of a half, whichever it is.
@usableFromInline protocol QueueSide: ~Copyable {
    /// Which queue it is of.
    var id: QueueID { get set }
    /// The number of the queue's page in the journal.
    var slot: Int { get }
    /// Our end of the event channel that announces the guest's requests.
    var channel: EventChannelPort { get }
    /// The half does no more ring work.
    var isDisabled: Bool { get set }
    /// Why it does not, if the reason is its own.
    var fault: QueueFault? { get set }
    /// What it did, the other direction's counters being zero.
    var statistics: QueueStatistics { get }
}

extension TransmitQueue: QueueSide where Port: ~Copyable {}
extension ReceiveQueue: QueueSide where Port: ~Copyable {}

/// A half with the mapping under its ring.
@usableFromInline struct ServedHalf<Queue: QueueSide & ~Copyable>: ~Copyable {
    @usableFromInline var queue: Queue
    private var pages: MappedPages
    /// The control plane knows of the fault.
    @usableFromInline var isFaultTold = false

    init(_ queue: consuming Queue, over pages: consuming MappedPages) {
        self.queue = queue
        self.pages = pages
    }

    /// Takes the value apart: the queue and its port go, the pages are given back.
    consuming func destroy(_ release: (consuming MappedPages) -> Void) { release(pages) }
}

extension Slab where Element: ~Copyable {
    /// Where the half of a queue stands.
    func number<Queue: QueueSide & ~Copyable>(of id: QueueID) -> Int?
    where Element == ServedHalf<Queue> {
        for number in 0..<capacity where isOccupied(number) && self[number].queue.id == id {
            return number
        }
        return nil
    }

    /// The next fault that the control plane has not been told of.
    mutating func takeFault<Queue: QueueSide & ~Copyable>() -> (id: QueueID, fault: QueueFault)?
    where Element == ServedHalf<Queue> {
        for number in 0..<capacity where isOccupied(number) && !self[number].isFaultTold {
            guard let fault = self[number].queue.fault else { continue }
            self[number].isFaultTold = true
            return (self[number].queue.id, fault)
        }
        return nil
    }

    /// Calls `body` with every half's queue and counters.
    func forEach<Queue: QueueSide & ~Copyable>(_ body: (QueueID, QueueStatistics) -> Void)
    where Element == ServedHalf<Queue> {
        for number in 0..<capacity where isOccupied(number) {
            body(self[number].queue.id, self[number].queue.statistics)
        }
    }
}
