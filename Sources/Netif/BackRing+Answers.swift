// SPDX-License-Identifier: Apache-2.0
// Tx is the guest's direction: the backend answers requests that it has assembled to packets.
public import Ring

extension BackRing where Format == TransmitFormat {
    /// Caller: backend. Takes the slots of the next packet and stages the answers to all of them:
    /// `status` for data, `NULL` for extras, in order of position as `response(at:status:)` has it.
    ///
    /// The packet is not changed; it is `inout` to be read where it is, since Swift would copy a
    /// packet passed any other way to reach one of its ids.
    @inlinable
    public mutating func answer(_ packet: inout TransmitPacket, status: Int16) {
        let slotCount = packet.slotCount
        consumeRequests(UInt32(truncatingIfNeeded: slotCount))
        if slotCount == 0 { return }
        stageResponse(TransmitResponse(id: packet.ids[0], status: status).slot)
        let dataStart = 1 + packet.extraCount
        var slot = 1
        while slot < slotCount, slot < dataStart {
            stageResponse(TransmitResponse(id: 0, status: ResponseStatus.null).slot)
            slot += 1
        }
        while slot < slotCount {
            let id = packet.ids[slot - packet.extraCount]
            stageResponse(TransmitResponse(id: id, status: status).slot)
            slot += 1
        }
    }
}
