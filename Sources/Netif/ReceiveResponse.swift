// SPDX-License-Identifier: Apache-2.0
public import Ring

/// One filled page of a packet to the guest. Corresponds to `struct netif_rx_response`.
public struct ReceiveResponse: Equatable, Sendable {
    /// `id` of the request in the same slot.
    public var id: UInt16
    /// `offset`: bytes into the page.
    public var offset: UInt16
    /// `flags`.
    public var flags: ReceiveFlags
    /// `status`: bytes in this page, or a negative one of `ResponseStatus`.
    public var status: Int16

    /// Takes the parts as they are.
    @inlinable
    public init(id: UInt16, offset: UInt16, flags: ReceiveFlags, status: Int16) {
        self.id = id
        self.offset = offset
        self.flags = flags
        self.status = status
    }

    /// Gives the page of request `id` back unused: frontends post it again and count an error.
    @inlinable
    public static func error(id: UInt16) -> ReceiveResponse {
        ReceiveResponse(
            id: id, offset: 0, flags: ReceiveFlags(rawValue: 0), status: ResponseStatus.error)
    }

    /// Decodes a slot.
    @inlinable
    public init(_ slot: SlotWords) {
        id = UInt16(truncatingIfNeeded: slot.word0)
        offset = UInt16(truncatingIfNeeded: slot.word0 >> 16)
        flags = ReceiveFlags(rawValue: UInt16(truncatingIfNeeded: slot.word1))
        status = Int16(truncatingIfNeeded: slot.word1 >> 16)
    }

    /// The response as words of a slot.
    @inlinable
    public var slot: SlotWords {
        SlotWords(
            UInt32(id) | UInt32(offset) << 16,
            UInt32(flags.rawValue) | UInt32(UInt16(bitPattern: status)) << 16)
    }
}
