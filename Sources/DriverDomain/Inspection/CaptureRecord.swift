// SPDX-License-Identifier: Apache-2.0
import HostNetwork
public import Platform

/// A captured packet as it goes over an inspector's connection, all numbers with their lowest byte
/// first: 8 bytes time in nanoseconds since 1970, 4 original length, 4 length, 1 direction (1 from
/// the guest, 2 to it), 10 vnet header (flags, GSO type, then four 16-bit numbers), the bytes.
public struct CaptureRecord: Equatable, Sendable {
    /// Nanoseconds since 1970.
    public var timestamp: UInt64
    /// Bytes that the packet had.
    public var originalLength: Int
    /// It came from the guest.
    public var isFromGuest: Bool
    /// What the packet needs of who takes it.
    public var header: VnetHeader
    /// As many of its bytes as were captured.
    public var bytes: [UInt8]

    private static var headSize: Int { 27 }

    static func append(_ packet: borrowing CapturedPacket, to bytes: inout [UInt8]) {
        put(packet.timestamp, 8, &bytes)
        put(UInt64(packet.originalLength), 4, &bytes)
        put(UInt64(packet.bytes.count), 4, &bytes)
        bytes.append(packet.direction == .tx ? 1 : 2)
        bytes.append(packet.header.flags)
        bytes.append(packet.header.gsoType)
        for number in [
            packet.header.headerLength, packet.header.gsoSize, packet.header.checksumStart,
            packet.header.checksumOffset,
        ] { put(UInt64(number), 2, &bytes) }
        for position in packet.bytes.indices { bytes.append(packet.bytes[position]) }
    }

    private static func put(_ value: UInt64, _ count: Int, _ bytes: inout [UInt8]) {
        for position in 0..<count {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * position)))
        }
    }

    /// The packets in an answer, up to the first one that makes no sense.
    public static func all(in bytes: [UInt8]) -> [CaptureRecord] {
        var records: [CaptureRecord] = []
        var place = 0
        func number(_ offset: Int, _ count: Int) -> UInt64 {
            (0..<count).reduce(0) {
                $0 | UInt64(bytes[place + offset + $1]) << UInt64(8 * $1)
            }
        }
        while bytes.count - place >= headSize {
            let length = Int(number(12, 4))
            guard length <= bytes.count - place - headSize else { break }
            var header = VnetHeader()
            header.flags = bytes[place + 17]
            header.gsoType = bytes[place + 18]
            header.headerLength = UInt16(number(19, 2))
            header.gsoSize = UInt16(number(21, 2))
            header.checksumStart = UInt16(number(23, 2))
            header.checksumOffset = UInt16(number(25, 2))
            let start = place + headSize
            records.append(
                CaptureRecord(
                    timestamp: number(0, 8), originalLength: Int(number(8, 4)),
                    isFromGuest: bytes[place + 16] == 1, header: header,
                    bytes: Array(bytes[start..<start + length])))
            place = start + length
        }
        return records
    }
}
