// SPDX-License-Identifier: Apache-2.0
public import Ring

/// One piece of a packet from the guest. Corresponds to `struct netif_tx_request`.
public struct TransmitRequest: Equatable, Sendable {
    /// `gref`: the page with the data, readable by us.
    public var grantReference: UInt32
    /// `offset`: bytes into the page.
    public var offset: UInt16
    /// `flags`.
    public var flags: TransmitFlags
    /// `id`: chosen by the frontend, echoed in the response.
    public var id: UInt16
    /// `size` in bytes: of the whole packet in its first slot, of this piece in later ones.
    public var size: UInt16

    /// Takes the parts as they are.
    @inlinable
    public init(
        grantReference: UInt32, offset: UInt16, flags: TransmitFlags, id: UInt16, size: UInt16
    ) {
        self.grantReference = grantReference
        self.offset = offset
        self.flags = flags
        self.id = id
        self.size = size
    }

    /// Decodes a slot; every bit pattern is a request.
    @inlinable
    public init(_ slot: SlotWords) {
        grantReference = slot.word0
        offset = UInt16(truncatingIfNeeded: slot.word1)
        flags = TransmitFlags(rawValue: UInt16(truncatingIfNeeded: slot.word1 >> 16))
        id = UInt16(truncatingIfNeeded: slot.word2)
        size = UInt16(truncatingIfNeeded: slot.word2 >> 16)
    }

    /// The request as words of a slot.
    @inlinable
    public var slot: SlotWords {
        SlotWords(
            grantReference,
            UInt32(offset) | UInt32(flags.rawValue) << 16,
            UInt32(id) | UInt32(size) << 16)
    }
}
