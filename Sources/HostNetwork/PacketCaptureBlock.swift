// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Platform

/// A block of a TPACKET_V3 ring that the kernel has handed over: frames of any length, chained by
/// offsets.
///
/// SAFETY: `size` bytes at `base` stay mapped, and nobody but us touches them until the block is
/// given back. Offsets and lengths are the kernel's, and are held against `size` all the same.
@safe
struct PacketCaptureBlock {
    private let base: UnsafeMutableRawPointer
    private let size: Int

    @unsafe
    init(base: UnsafeMutableRawPointer, size: Int) {
        unsafe self.base = base
        self.size = size
    }

    /// Bytes before a frame that are always there: its header, its address, its vnet header.
    private static var addressOffset: Int { (MemoryLayout<tpacket3_hdr>.size + 15) & ~15 }
    private static var vnetHeaderSize: Int { 10 }
    private static var frameOffsetMin: Int {
        addressOffset + MemoryLayout<sockaddr_ll>.size + vnetHeaderSize
    }
    /// Bytes of the two addresses, after which a VLAN tag stands, and of the tag.
    private static var addressesSize: Int { 12 }
    private static var tagSize: Int { 4 }

    /// Hands over each frame and returns how many there were.
    func forEach(snapLength: Int, _ body: (borrowing CapturedPacket) -> Void) -> Int {
        let block = unsafe base.load(as: tpacket_block_desc.self).hdr.bh1
        var offset = Int(block.offset_to_first_pkt)
        let count = Int(block.num_pkts)
        for done in 0..<count {
            guard offset + Self.frameOffsetMin <= size else { return done }
            let header = unsafe (base + offset).load(as: tpacket3_hdr.self)
            let frame = offset + Int(header.tp_mac)
            guard Int(header.tp_mac) >= Self.frameOffsetMin,
                frame + Int(header.tp_snaplen) <= size
            else { return done }
            handOver(header, at: offset, snapLength, body)
            offset += Int(header.tp_next_offset)
        }
        return count
    }

    private func handOver(
        _ header: tpacket3_hdr, at offset: Int, _ snapLength: Int,
        _ body: (borrowing CapturedPacket) -> Void
    ) {
        let address = unsafe (base + offset + Self.addressOffset).load(as: sockaddr_ll.self)
        var frame = unsafe base + offset + Int(header.tp_mac)
        // Before the tag is put back, which takes the header's place.
        let vnetHeader = unsafe VnetHeader(at: frame - Self.vnetHeaderSize)
        var count = Int(header.tp_snaplen)
        var originalLength = Int(header.tp_len)
        if unsafe putTag(of: header, before: frame) {
            unsafe frame -= Self.tagSize
            count = min(count + Self.tagSize, snapLength)
            originalLength += Self.tagSize
        }
        let bytes = unsafe UnsafeBufferPointer(
            start: UnsafePointer(frame.assumingMemoryBound(to: UInt8.self)), count: count)
        body(
            CapturedPacket(
                timestamp: UInt64(header.tp_sec) * 1_000_000_000 + UInt64(header.tp_nsec),
                direction: Int32(address.sll_pkttype) == PACKET_OUTGOING ? .rx : .tx,
                originalLength: originalLength, header: vnetHeader, bytes: unsafe bytes.span))
    }

    /// Puts the VLAN tag back that the kernel keeps beside a frame; the frame then starts four
    /// bytes earlier, where its vnet header was. False when there is none.
    private func putTag(of header: tpacket3_hdr, before frame: UnsafeMutableRawPointer) -> Bool {
        let status = Int32(bitPattern: header.tp_status)
        guard status & TP_STATUS_VLAN_VALID != 0,
            Int(header.tp_snaplen) >= Self.addressesSize
        else { return false }
        let variant = header.hv1
        let hasType = status & TP_STATUS_VLAN_TPID_VALID != 0
        let type = hasType ? variant.tp_vlan_tpid : UInt16(ETH_P_8021Q)
        let start = unsafe frame - Self.tagSize
        unsafe start.copyMemory(from: frame, byteCount: Self.addressesSize)
        let words = [type, UInt16(truncatingIfNeeded: variant.tp_vlan_tci)]
        for (position, word) in words.enumerated() {
            unsafe start.storeBytes(
                of: word.bigEndian, toByteOffset: Self.addressesSize + 2 * position,
                as: UInt16.self)
        }
        return true
    }
}
