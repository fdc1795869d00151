// SPDX-License-Identifier: Apache-2.0
public import SharedMemory

/// One tolerant reading of a ring page, for the inspector: it accepts any bytes at all.
public struct RingSnapshot: Equatable, Sendable {
    /// `req_prod`.
    public var requestProducer: RingIndex
    /// `req_event`.
    public var requestEvent: RingIndex
    /// `rsp_prod`.
    public var responseProducer: RingIndex
    /// `rsp_event`.
    public var responseEvent: RingIndex
    /// Slots in the ring.
    public var slotCount: UInt32

    /// Reads the four indices once each. They move while we read: the picture is not atomic.
    public init(reading words: borrowing some SharedWords, slotCount: UInt32) {
        requestProducer = RingIndex(words.loadAcquire(at: RingLayout.requestProducer))
        requestEvent = RingIndex(words.loadRelaxed(at: RingLayout.requestEvent))
        responseProducer = RingIndex(words.loadAcquire(at: RingLayout.responseProducer))
        responseEvent = RingIndex(words.loadRelaxed(at: RingLayout.responseEvent))
        self.slotCount = slotCount
    }

    /// Requests that have no response yet, modulo 2^32: more than `slotCount` is a broken ring.
    public var unansweredCount: UInt32 { requestProducer.distance(from: responseProducer) }

    /// False when the indices cannot be those of a working ring.
    public var isPlausible: Bool { unansweredCount <= slotCount }
}
