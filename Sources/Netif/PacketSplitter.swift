// SPDX-License-Identifier: Apache-2.0
// Rx is the direction to the guest: the backend writes the responses made here.
public import Ring

/// One frame to the responses it needs: data, then the extra info, then the rest of the data.
///
/// Each page is filled from its start. Response i answers request i: the caller passes the id of
/// the request at the same position of the ring, and publishes all of a packet in one step.
public struct PacketSplitter: Sendable {
    /// The frame to be described.
    public let packet: ReceivePacket

    /// Takes a frame.
    @inlinable
    public init(_ packet: ReceivePacket) {
        self.packet = packet
    }

    /// Slots that a frame of `size` bytes takes: one for each page begun, one for an extra info.
    @inlinable
    public static func slotCount(size: Int, hasExtra: Bool) -> Int {
        if size <= 0 { return 0 }
        return (size - 1) / NetifLimits.pageSize + 1 + (hasExtra ? 1 : 0)
    }

    /// Slots that the packet takes.
    @inlinable
    public var slotCount: Int { packet.slotCount }

    /// True when the slot at a position of the packet holds the extra info: no bytes go there.
    @inlinable
    public func isExtra(at position: Int) -> Bool {
        position == 1 ? packet.hasExtra : false
    }

    /// Where in the frame the bytes of a slot begin.
    @inlinable
    public func frameOffset(at position: Int) -> Int {
        // A shift: it needs no check for overflow, and a position is never past the ring.
        if position > 1, packet.hasExtra { return (position - 1) << 12 }
        return position << 12
    }

    /// Bytes of the frame from a slot's first on: more than a page when another slot follows.
    @inlinable @inline(__always)
    func remainingCount(at position: Int) -> Int { packet.size - frameOffset(at: position) }

    /// How many bytes of the frame go into the page of a slot.
    @inlinable
    public func dataCount(at position: Int) -> Int {
        if isExtra(at: position) { return 0 }
        return max(0, min(NetifLimits.pageSize, remainingCount(at: position)))
    }

    /// The flags of the data slot at a position.
    ///
    /// A blank checksum comes with validated data: Windows recomputes the checksums of segments
    /// only then, and asserts both on a packet to be segmented.
    @inlinable
    func flags(at position: Int) -> ReceiveFlags {
        var bits: UInt16 = 0
        if remainingCount(at: position) > NetifLimits.pageSize {
            bits |= ReceiveFlags.moreData.rawValue
        }
        if position > 0 { return ReceiveFlags(rawValue: bits) }
        let blank = ReceiveFlags.checksumBlank.rawValue | ReceiveFlags.dataValidated.rawValue
        if packet.hasExtra { bits |= ReceiveFlags.extraInfo.rawValue | blank }
        if packet.checksumBlank { bits |= blank }
        if packet.dataValidated { bits |= ReceiveFlags.dataValidated.rawValue }
        return ReceiveFlags(rawValue: bits)
    }

    /// The response at a position of the packet, 0 to `slotCount - 1`.
    @inlinable
    public func response(at position: Int, requestID: UInt16) -> SlotWords {
        if position == 1, let offload = packet.offload {
            return ExtraInfo(segmentation: offload).slot
        }
        return ReceiveResponse(
            id: requestID, offset: 0, flags: flags(at: position),
            status: Int16(dataCount(at: position))
        ).slot
    }
}
