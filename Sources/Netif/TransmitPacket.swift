// SPDX-License-Identifier: Apache-2.0

/// One packet from the guest, as `PacketAssembler` made it of slots. Reusable scratch.
public struct TransmitPacket: Sendable {
    /// Slots that the packet takes in the ring, extra infos included: all of them are answered.
    public var slotCount = 0
    /// Bytes of the whole frame, as the first slot claims it.
    public var size = 0
    /// Flags of the first slot.
    public var flags = TransmitFlags(rawValue: 0)
    /// What is left to segment; nil for a packet of ordinary size.
    public var offload: SegmentationOffload?
    /// How many of `pieces` count. Zero unless the packet is to be forwarded.
    public var pieceCount = 0
    /// The frame in order, page by page; pieces of no bytes are left out.
    public var pieces = InlineArray<18, TransmitPiece>(
        repeating: TransmitPiece(grantReference: 0, pageOffset: 0, size: 0, slot: 0))
    /// Extra infos, which stand right after the first slot.
    public var extraCount = 0
    /// Ids of the data slots in order.
    public var ids = InlineArray<20, UInt16>(repeating: 0)

    /// An empty packet.
    @inlinable
    public init() {}

    /// Forgets the packet before.
    @inlinable
    public mutating func reset() {
        slotCount = 0
        size = 0
        flags = TransmitFlags(rawValue: 0)
        offload = nil
        pieceCount = 0
        extraCount = 0
    }

    /// True when the slot at a position of the packet held an extra info.
    @inlinable
    public func isExtra(at slot: Int) -> Bool { slot >= 1 ? slot <= extraCount : false }

    /// The answer to the slot at a position of the packet: `status` for data, `NULL` for extras.
    ///
    /// Staged in order of position, they satisfy frontends that want the `NULL`s right after the
    /// answer of the slot that owned the extras.
    @inlinable
    public func response(at slot: Int, status: Int16) -> TransmitResponse {
        precondition(slot < slotCount, "an answer to a slot not in the packet")
        if isExtra(at: slot) { return TransmitResponse(id: 0, status: ResponseStatus.null) }
        return TransmitResponse(id: ids[slot == 0 ? 0 : slot - extraCount], status: status)
    }
}
