// SPDX-License-Identifier: Apache-2.0
// Tx is the guest's direction: the backend answers requests that it has assembled to packets.
public import Ring

/// Something that takes answers to Tx slots in the order of the ring.
public protocol AnswerSink: ~Copyable {
    /// Takes the next slot's answer.
    mutating func stage(_ answer: SlotWords)
}

extension TransmitPacket {
    /// Stages the answers to all slots of the packet: `status` for data, `NULL` for extras, in
    /// order of position as `response(at:status:)` has it.
    ///
    /// The packet is not changed; it is mutating to be read where it is, since Swift would copy a
    /// packet reached any other way for one of its ids.
    @inlinable
    public mutating func answer<Sink: AnswerSink & ~Copyable>(
        status: Int16, into sink: inout Sink
    ) {
        if slotCount == 0 { return }
        sink.stage(TransmitResponse(id: ids[0], status: status).slot)
        let dataStart = 1 + extraCount
        var slot = 1
        while slot < slotCount, slot < dataStart {
            sink.stage(TransmitResponse(id: 0, status: ResponseStatus.null).slot)
            slot += 1
        }
        while slot < slotCount {
            sink.stage(TransmitResponse(id: ids[slot - extraCount], status: status).slot)
            slot += 1
        }
    }
}

extension BackRing: AnswerSink where Format == TransmitFormat {
    /// Caller: backend. Stages the answer into its slot.
    @inlinable @inline(__always)
    public mutating func stage(_ answer: SlotWords) { stageResponse(answer) }
}
