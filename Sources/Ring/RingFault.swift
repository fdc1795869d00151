// SPDX-License-Identifier: Apache-2.0

/// What a peer can do wrong to a ring. Every case is fatal for that ring and for no other.
public enum RingFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The producer index claims more entries than the ring holds.
    /// Corresponds to `RING_REQUEST_PROD_OVERFLOW` and `RING_RESPONSE_PROD_OVERFLOW`.
    case producerOverrun(producer: RingIndex, consumer: RingIndex, slotCount: UInt32)
    /// Saved state does not describe a ring: its indices are out of order.
    case impossibleState(requestConsumer: RingIndex, privateResponseProducer: RingIndex)
    /// The frontend rewrote the backend's `rsp_prod`.
    case responsesMoved(to: RingIndex, published: RingIndex)

    /// As an operator reads it in a log.
    public var description: String {
        switch self {
        case .producerOverrun(let producer, let consumer, let slotCount):
            "producer \(producer) claims \(producer.distance(from: consumer)) entries past "
                + "\(consumer) in a ring of \(slotCount)"
        case .impossibleState(let consumer, let producer):
            "a request consumer at \(consumer) cannot go with a response producer at \(producer)"
        case .responsesMoved(let found, let published):
            "rsp_prod was moved from \(published) to \(found)"
        }
    }
}
