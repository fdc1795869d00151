// SPDX-License-Identifier: Apache-2.0

/// Bytes of a packet within one granted page: one grant copy.
public struct TransmitPiece: Equatable, Sendable {
    /// The guest's page.
    public var grantReference: UInt32
    /// Bytes into the page; with `size` never past its end.
    public var pageOffset: UInt16
    /// Bytes, never zero.
    public var size: UInt16
    /// Position within the packet of the slot it came from.
    public var slot: UInt16

    /// Takes the parts as they are.
    @inlinable
    public init(grantReference: UInt32, pageOffset: UInt16, size: UInt16, slot: UInt16) {
        self.grantReference = grantReference
        self.pageOffset = pageOffset
        self.size = size
        self.slot = slot
    }
}
