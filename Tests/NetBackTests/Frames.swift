// SPDX-License-Identifier: Apache-2.0
// SAFETY: bytes have no padding and no invalid pattern, which is all that viewing them raw asks.
import Netif
import Platform

/// Frames whose headers and checksums are right, with a number in them.
enum Frame {
    enum Kind: CaseIterable {
        case tcpv4
        case tcpv6
        case udpv4
        case udpv6

        var isTCP: Bool { self == .tcpv4 || self == .tcpv6 }
        var isIPv6: Bool { self == .tcpv6 || self == .udpv6 }

        /// Bytes of all headers.
        var headerLength: Int { 14 + (isIPv6 ? 40 : 20) + (isTCP ? 20 : 8) }
        /// Where the transport's header starts.
        var transportOffset: Int { 14 + (isIPv6 ? 40 : 20) }
        /// Where its checksum is.
        var checksumField: Int { transportOffset + (isTCP ? 16 : 6) }
    }

    enum Sum {
        case full
        case blank
    }

    /// A frame of `size` bytes in all; its payload starts with `number`.
    static func make(
        _ kind: Kind = .udpv4, size: Int = 100, number: Int = 0, sum: Sum = .full
    ) -> [UInt8] {
        precondition(size >= kind.headerLength && size <= 65_535, "an impossible frame")
        var frame = [UInt8](repeating: 2, count: 12) + (kind.isIPv6 ? [0x86, 0xDD] : [8, 0])
        let transport = size - kind.transportOffset
        if kind.isIPv6 {
            frame += [0x60, 0, 0, 0] + big(transport) + [kind.isTCP ? 6 : 17, 64]
            frame += [UInt8](repeating: 0xFD, count: 32)
        } else {
            frame += [0x45, 0] + big(transport + 20) + [0, 1, 0x40, 0, 64, kind.isTCP ? 6 : 17]
            frame += [0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        }
        frame += [0x30, 0x39, 0, 80]
        if kind.isTCP {
            frame += [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 1, 0, 0, 0, 0, 0]
        } else {
            frame += big(transport) + [0, 0]
        }
        let payload = size - frame.count
        frame += [UInt8](repeating: UInt8(number & 255), count: payload)
        for position in 0..<min(payload, 4) {
            frame[kind.headerLength + position] = UInt8(number >> (8 * (3 - position)) & 255)
        }
        set(sum, kind, &frame)
        return frame
    }

    /// The number in a frame.
    static func number(of frame: [UInt8], _ kind: Kind = .udpv4) -> Int {
        let start = kind.headerLength
        guard frame.count >= start + 4 else { return -1 }
        return frame[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    /// What the host's header says of a frame with a blank checksum.
    static func header(_ kind: Kind, segmentSize: Int? = nil) -> VnetHeader {
        var header = VnetHeader()
        header.flags = VnetHeader.needsChecksum
        header.checksumStart = UInt16(kind.transportOffset)
        header.checksumOffset = kind.isTCP ? 16 : 6
        guard let segmentSize else { return header }
        header.gsoType = kind.isIPv6 ? VnetHeader.gsoTCPv6 : VnetHeader.gsoTCPv4
        header.gsoSize = UInt16(segmentSize)
        header.headerLength = UInt16(kind.headerLength)
        return header
    }

    /// True when the transport's checksum is complete and right.
    static func isSumRight(_ frame: [UInt8]) -> Bool {
        guard let headers = headers(of: frame) else { return false }
        return unsafe Checksum.verify(frame.span.bytes, headers: headers) ?? false
    }

    private static func set(_ sum: Sum, _ kind: Kind, _ frame: inout [UInt8]) {
        guard let headers = headers(of: frame) else { preconditionFailure("no headers") }
        let value: UInt16? =
            switch sum {
            case .full: unsafe Checksum.full(frame.span.bytes, headers: headers)
            case .blank: unsafe Checksum.blank(frame.span.bytes, headers: headers)
            }
        guard let value else { preconditionFailure("no checksum") }
        frame[kind.checksumField] = UInt8(value >> 8)
        frame[kind.checksumField + 1] = UInt8(value & 255)
    }

    private static func headers(of frame: [UInt8]) -> FrameHeaders? {
        let window = Array(frame.prefix(NetifLimits.headerWindow))
        return unsafe FrameHeaders.parse(window.span.bytes, frameSize: frame.count)
    }

    private static func big(_ value: Int) -> [UInt8] {
        [UInt8(value >> 8 & 255), UInt8(value & 255)]
    }
}
