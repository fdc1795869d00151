// SPDX-License-Identifier: Apache-2.0

/// The packets of one case, all alike.
public struct PacketShape: Sendable {
    /// As the table calls it.
    public let name: String
    /// Bytes of a packet.
    public let size: Int
    /// Bytes in its first Tx slot; every other slot but the last holds a whole page.
    public let firstPieceSize: Int
    /// Data slots of a packet in the Tx ring.
    public let pieceCount: Int
    /// Payload bytes of each segment; nil for a packet of ordinary size.
    public let segmentSize: UInt16?
    /// Packets of one cycle: all their slots fit in a ring.
    public let packetsPerCycle: Int

    /// The smallest frame with a checksum.
    public static let small = PacketShape(
        name: "64 bytes", size: 64, firstPieceSize: 64, pieceCount: 1, segmentSize: nil,
        packetsPerCycle: 64)
    /// A full frame of Ethernet.
    public static let full = PacketShape(
        name: "1,514 bytes", size: 1514, firstPieceSize: 1514, pieceCount: 1, segmentSize: nil,
        packetsPerCycle: 64)
    /// The largest there is, to be segmented: headers in one slot, 16 pages of payload behind.
    public static let large = PacketShape(
        name: "65,535 bytes GSO", size: 65_535, firstPieceSize: 66, pieceCount: 17,
        segmentSize: 1448, packetsPerCycle: 8)
    /// All of them.
    public static let all = [small, full, large]

    /// Bytes of the piece at a position of the packet in the Tx ring.
    @inline(__always)
    func pieceSize(at position: Int) -> Int {
        if position == 0 { return firstPieceSize }
        return min(4096, size - firstPieceSize - (position - 1) * 4096)
    }

    /// Slots of a packet in the Rx ring, its extra info included.
    var receiveSlotCount: Int { (size + 4095) / 4096 + (segmentSize == nil ? 0 : 1) }
}
