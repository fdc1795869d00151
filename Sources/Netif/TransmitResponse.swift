// SPDX-License-Identifier: Apache-2.0
public import Ring

/// The answer to one transmit slot. Corresponds to `struct netif_tx_response`.
public struct TransmitResponse: Equatable, Sendable {
    /// `id` of the request.
    public var id: UInt16
    /// `status`: one of `ResponseStatus`.
    public var status: Int16

    /// Takes the parts as they are.
    @inlinable
    public init(id: UInt16, status: Int16) {
        self.id = id
        self.status = status
    }

    /// Decodes a slot.
    @inlinable
    public init(_ slot: SlotWords) {
        id = UInt16(truncatingIfNeeded: slot.word0)
        status = Int16(truncatingIfNeeded: slot.word0 >> 16)
    }

    /// The response as words of a slot: only the first counts.
    @inlinable
    public var slot: SlotWords {
        SlotWords(UInt32(id) | UInt32(UInt16(bitPattern: status)) << 16)
    }
}
