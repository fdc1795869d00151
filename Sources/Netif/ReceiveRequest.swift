// SPDX-License-Identifier: Apache-2.0
public import Ring

/// One empty page offered for a packet to the guest. Corresponds to `struct netif_rx_request`.
public struct ReceiveRequest: Equatable, Sendable {
    /// `id`: chosen by the frontend, echoed in the response.
    public var id: UInt16
    /// `gref`: the page, writable by us.
    public var grantReference: UInt32

    /// Takes the parts as they are.
    @inlinable
    public init(id: UInt16, grantReference: UInt32) {
        self.id = id
        self.grantReference = grantReference
    }

    /// Decodes a slot; the padding after `id` is ignored.
    @inlinable
    public init(_ slot: SlotWords) {
        id = UInt16(truncatingIfNeeded: slot.word0)
        grantReference = slot.word1
    }

    /// The request as words of a slot, padding zero.
    @inlinable
    public var slot: SlotWords { SlotWords(UInt32(id), grantReference) }
}
