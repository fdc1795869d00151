// SPDX-License-Identifier: Apache-2.0
import Platform

/// Frames as the tests put them on the wire, and the sums to check them by.
enum Frames {
    static let senderMAC: [UInt8] = [0x02, 0, 0, 0, 0, 0x0A]
    static let readerMAC: [UInt8] = [0x02, 0, 0, 0, 0, 0x0B]
    /// An ethertype for local experiments, so that no protocol of the host answers.
    static let experimental: UInt16 = 0x88B5
    static let ipv4: UInt16 = 0x0800
    static let ipv6: UInt16 = 0x86DD

    static func big(_ value: UInt16) -> [UInt8] {
        [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
    }

    static func number(_ bytes: [UInt8], at offset: Int) -> UInt16 {
        UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    static func ethernet(
        to destination: [UInt8] = readerMAC, from source: [UInt8] = senderMAC,
        type: UInt16, _ payload: [UInt8]
    ) -> [UInt8] {
        destination + source + big(type) + payload
    }

    /// The folded ones' complement sum of 16-bit words, not inverted.
    static func sum(_ bytes: [UInt8]) -> UInt16 {
        var total = 0
        for position in stride(from: 0, to: bytes.count, by: 2) {
            let low = position + 1 < bytes.count ? Int(bytes[position + 1]) : 0
            total += Int(bytes[position]) << 8 | low
        }
        while total > 0xFFFF { total = total >> 16 + total & 0xFFFF }
        return UInt16(total)
    }

    static func pseudoHeader(
        _ source: [UInt8], _ destination: [UInt8], proto: UInt8, size: Int
    ) -> [UInt8] {
        source + destination + big(UInt16(size)) + [0, proto]
    }

    static func ipv4Header(
        _ source: [UInt8], _ destination: [UInt8], proto: UInt8, payloadSize: Int
    ) -> [UInt8] {
        var header: [UInt8] = [0x45, 0] + big(UInt16(20 + payloadSize))
        header += [0, 1, 0x40, 0, 64, proto, 0, 0] + source + destination
        header.replaceSubrange(10..<12, with: big(~sum(header)))
        return header
    }

    static func ipv6Header(
        _ source: [UInt8], _ destination: [UInt8], proto: UInt8, payloadSize: Int
    ) -> [UInt8] {
        [0x60, 0, 0, 0] + big(UInt16(payloadSize)) + [proto, 64] + source + destination
    }

    /// A UDP datagram with its sum left to do: the field holds the pseudo header's sum.
    static func udp(
        _ source: [UInt8], _ destination: [UInt8], port: UInt16, _ payload: [UInt8]
    ) -> [UInt8] {
        let size = 8 + payload.count
        let seed = sum(pseudoHeader(source, destination, proto: 17, size: size))
        return big(4000) + big(port) + big(UInt16(size)) + big(seed) + payload
    }

    /// A TCP segment with its sum left to do, sequence number 1.
    static func tcp(_ source: [UInt8], _ destination: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        let size = 20 + payload.count
        let seed = sum(pseudoHeader(source, destination, proto: 6, size: size))
        return big(4000) + big(5000) + [0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10] + big(8192)
            + big(seed) + [0, 0] + payload
    }

    /// An unsegmented TCP frame and the vnet header that goes with it.
    static func unsegmented(
        version: Int, payload: [UInt8], segmentSize: UInt16
    ) -> (frame: [UInt8], header: VnetHeader) {
        var header = VnetHeader()
        header.flags = VnetHeader.needsChecksum
        header.gsoSize = segmentSize
        header.checksumOffset = 16
        if version == 4 {
            let (source, destination): ([UInt8], [UInt8]) = ([10, 0, 0, 1], [10, 0, 0, 2])
            let segment = tcp(source, destination, payload)
            header.gsoType = VnetHeader.gsoTCPv4
            header.checksumStart = 34
            header.headerLength = 54
            let ip = ipv4Header(source, destination, proto: 6, payloadSize: segment.count)
            return (ethernet(type: ipv4, ip + segment), header)
        }
        let source = [0xFD] + [UInt8](repeating: 0, count: 14) + [1]
        let destination = [0xFD] + [UInt8](repeating: 0, count: 14) + [2]
        let segment = tcp(source, destination, payload)
        header.gsoType = VnetHeader.gsoTCPv6
        header.checksumStart = 54
        header.headerLength = 74
        let ip = ipv6Header(source, destination, proto: 6, payloadSize: segment.count)
        return (ethernet(type: ipv6, ip + segment), header)
    }
}
