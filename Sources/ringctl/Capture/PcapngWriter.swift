// SPDX-License-Identifier: Apache-2.0
import Platform

/// A pcapng stream of one section, as Wireshark and tcpdump read it: draft-ietf-opsawg-pcapng,
/// little endian, times in nanoseconds since 1970. The caller writes `bytes` out and removes them,
/// whenever it likes.
struct PcapngWriter {
    private enum Block {
        static let section: UInt32 = 0x0A0D_0D0A
        static let interface: UInt32 = 1
        static let statistics: UInt32 = 5
        static let packet: UInt32 = 6
    }

    private enum Option {
        static let comment: UInt16 = 1
        static let application: UInt16 = 4
        static let interfaceName: UInt16 = 2
        static let timeResolution: UInt16 = 9
        static let packetFlags: UInt16 = 2
        static let received: UInt16 = 4
        static let dropped: UInt16 = 5
    }

    private enum PacketFlags {
        static let inbound: UInt32 = 1
        static let outbound: UInt32 = 2
        static let checksumNotReady: UInt32 = 1 << 9
        static let checksumValid: UInt32 = 1 << 10
        static let segmentationOffloaded: UInt32 = 1 << 11
    }

    private static let byteOrderMagic: UInt32 = 0x1A2B_3C4D
    private static let ethernet: UInt16 = 1
    private static let nanoseconds: UInt8 = 9

    /// What is still to be written out: whole blocks.
    private(set) var bytes: [UInt8] = []
    /// Interfaces added so far; the next one has this number.
    private(set) var interfaceCount = 0

    /// Begins the section.
    init(application: String) {
        appendBlock(Block.section) { writer in
            writer.append(PcapngWriter.byteOrderMagic)
            writer.append(UInt16(1))
            writer.append(UInt16(0))
            // The section's length is not known ahead.
            writer.append(UInt64.max)
            writer.appendOption(Option.application, Array(application.utf8))
            writer.appendEndOfOptions()
        }
    }

    /// Forgets what was written out; the memory stays for what comes.
    mutating func removeBytes() { bytes.removeAll(keepingCapacity: true) }

    /// Describes an interface, before its first packet.
    ///
    /// - Parameters:
    ///   - name: A link's name.
    ///   - snapLength: Most bytes of a packet that are recorded.
    /// - Returns: The number that its packets name it by.
    mutating func addInterface(named name: String, snapLength: Int) -> Int {
        appendBlock(Block.interface) { writer in
            writer.append(PcapngWriter.ethernet)
            writer.append(UInt16(0))
            writer.append(UInt32(clamping: snapLength))
            writer.appendOption(Option.interfaceName, Array(name.utf8))
            writer.appendOption(Option.timeResolution, [PcapngWriter.nanoseconds])
            writer.appendEndOfOptions()
        }
        defer { interfaceCount += 1 }
        return interfaceCount
    }

    /// Adds a packet.
    ///
    /// - Parameters:
    ///   - frame: What is recorded of it, from its Ethernet header on.
    ///   - interface: The number of the interface it passed.
    ///   - timestamp: Nanoseconds since 1970.
    ///   - isFromGuest: True if it came into the host's end of the vif, false if it left there.
    ///   - originalLength: Bytes of the whole frame.
    ///   - header: What was left to do on it.
    mutating func append(
        _ frame: Span<UInt8>, of interface: Int, at timestamp: UInt64, isFromGuest: Bool,
        originalLength: Int, header: VnetHeader = VnetHeader()
    ) {
        appendBlock(Block.packet) { writer in
            writer.append(UInt32(clamping: interface))
            writer.append(time: timestamp)
            writer.append(UInt32(clamping: frame.count))
            writer.append(UInt32(clamping: originalLength))
            for position in 0..<frame.count { writer.bytes.append(frame[position]) }
            writer.pad()
            writer.appendOption(Option.packetFlags) {
                $0.append(PcapngWriter.flags(isFromGuest: isFromGuest, header))
            }
            if let comment = PcapngWriter.comment(on: header) {
                writer.appendOption(Option.comment, Array(comment.utf8))
            }
            writer.appendEndOfOptions()
        }
    }

    /// Adds an interface's counters, once, when nothing more of it comes.
    ///
    /// - Parameters:
    ///   - interface: The interface's number.
    ///   - timestamp: Nanoseconds since 1970.
    ///   - received: Packets since the capture began, those that were dropped included.
    ///   - dropped: Packets that were not recorded for want of room.
    mutating func appendStatistics(
        of interface: Int, at timestamp: UInt64, received: UInt64, dropped: UInt64
    ) {
        appendBlock(Block.statistics) { writer in
            writer.append(UInt32(clamping: interface))
            writer.append(time: timestamp)
            writer.appendOption(Option.received) { $0.append(received) }
            writer.appendOption(Option.dropped) { $0.append(dropped) }
            writer.appendEndOfOptions()
        }
    }

    private static func flags(isFromGuest: Bool, _ header: VnetHeader) -> UInt32 {
        var flags = isFromGuest ? PacketFlags.inbound : PacketFlags.outbound
        if header.flags & VnetHeader.needsChecksum != 0 { flags |= PacketFlags.checksumNotReady }
        if header.flags & VnetHeader.dataValid != 0 { flags |= PacketFlags.checksumValid }
        if header.gsoType != 0 { flags |= PacketFlags.segmentationOffloaded }
        return flags
    }

    /// What no flag says of a packet to be cut; nil for one that goes as it is.
    private static func comment(on header: VnetHeader) -> String? {
        guard header.gsoType != 0 else { return nil }
        let congestion: UInt8 = 0x80
        let kind =
            switch header.gsoType & ~congestion {
            case VnetHeader.gsoTCPv4: "tcpv4"
            case VnetHeader.gsoTCPv6: "tcpv6"
            default: "\(header.gsoType & ~congestion)"
            }
        return "gso size \(header.gsoSize) type \(kind)"
    }

    /// Writes a block's type, its contents and, before and after them, its length.
    private mutating func appendBlock(_ type: UInt32, _ body: (inout PcapngWriter) -> Void) {
        let start = bytes.count
        append(type)
        append(UInt32(0))
        body(&self)
        let length = UInt32(clamping: bytes.count + 4 - start)
        append(length)
        for position in 0..<4 {
            bytes[start + 4 + position] = UInt8(truncatingIfNeeded: length >> (8 * position))
        }
    }

    /// Writes an option; a value that is too long for one is cut short.
    private mutating func appendOption(_ code: UInt16, _ value: [UInt8]) {
        let value = value.prefix(Int(UInt16.max))
        append(code)
        append(UInt16(value.count))
        bytes += value
        pad()
    }

    private mutating func appendOption(_ code: UInt16, _ body: (inout PcapngWriter) -> Void) {
        append(code)
        let start = bytes.count
        append(UInt16(0))
        body(&self)
        bytes[start] = UInt8(truncatingIfNeeded: bytes.count - start - 2)
    }

    private mutating func appendEndOfOptions() { append(UInt32(0)) }

    /// Times are two words, the upper one first, in either byte order.
    private mutating func append(time: UInt64) {
        append(UInt32(truncatingIfNeeded: time >> 32))
        append(UInt32(truncatingIfNeeded: time))
    }

    private mutating func append(_ value: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// All that follows is aligned to words, as seen from the section's start: blocks are.
    private mutating func pad() {
        while !bytes.count.isMultiple(of: 4) { bytes.append(0) }
    }
}
