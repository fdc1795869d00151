// SPDX-License-Identifier: Apache-2.0
import Netif
import Platform

/// A frame with what is left to do to it. Every frame of a simulation has a number in it, and all
/// its bytes follow from number, kind and size: one that was cut or mixed is known.
struct HostFrame: Equatable {
    enum Kind: CaseIterable {
        /// Of a protocol that nobody knows.
        case plain
        /// TCP over IPv4, to be segmented.
        case large
        /// UDP over IPv6 with a blank checksum.
        case blank
    }

    var bytes: [UInt8]
    var header = VnetHeader()

    init(bytes: [UInt8], header: VnetHeader) {
        self.bytes = bytes
        self.header = header
    }

    init(_ number: Int, kind: Kind = .plain, size: Int = 60) {
        bytes = [UInt8](repeating: 2, count: 12)
        switch kind {
        case .plain: bytes += [0x88, 0xB5]
        case .large:
            bytes += [8, 0, 0x45, 0] + Self.big(size - 14) + [0, 1, 0x40, 0, 64, 6, 0, 0]
            bytes += [10, 0, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0]
            bytes += [0x50, 0x10, 1, 0, 0, 0, 0, 0]
            header.gsoType = VnetHeader.gsoTCPv4
            header.gsoSize = 1000
            header.headerLength = 54
            header.checksumStart = 34
            header.checksumOffset = 16
            header.flags = VnetHeader.needsChecksum
        case .blank:
            bytes += [0x86, 0xDD, 0x60, 0, 0, 0] + Self.big(size - 54) + [17, 64]
            bytes += [UInt8](repeating: 0xFD, count: 32)
            bytes += [0x30, 0x39, 0, 80] + Self.big(size - 54) + [0, 0]
            header.checksumStart = 54
            header.checksumOffset = 6
            header.flags = VnetHeader.needsChecksum
        }
        bytes += [UInt8(number >> 16 & 255)] + Self.big(number)
        precondition(bytes.count <= size, "too small a frame")
        bytes.reserveCapacity(size)
        var filler = UInt8(truncatingIfNeeded: number &* 37)
        while bytes.count < size {
            bytes.append(filler)
            filler &+= 1
        }
    }

    /// The number in it, -1 if it is none of ours.
    var number: Int {
        let start: Int
        switch bytes.dropFirst(12).prefix(2) {
        case [0x88, 0xB5]: start = 14
        case [8, 0]: start = 54
        case [0x86, 0xDD]: start = 62
        default: return -1
        }
        guard bytes.count >= start + 3 else { return -1 }
        return bytes[start..<start + 3].reduce(0) { $0 << 8 | Int($1) }
    }

    /// The same bytes, with the same left to do to them; or with a checksum that somebody computed.
    func isSame(as other: HostFrame) -> Bool {
        let (wanted, found) = (header, other.header)
        guard wanted.gsoType == found.gsoType, wanted.gsoSize == found.gsoSize else { return false }
        if bytes == other.bytes {
            return wanted.flags & VnetHeader.needsChecksum
                == found.flags & VnetHeader.needsChecksum
        }
        guard header.checksumStart == 54, bytes.count == other.bytes.count else { return false }
        var blank = other.bytes
        (blank[60], blank[61]) = (bytes[60], bytes[61])
        guard blank == bytes else { return false }
        let window = Array(other.bytes.prefix(NetifLimits.headerWindow))
        // SAFETY: bytes have no padding and no invalid pattern.
        let parsed = unsafe FrameHeaders.parse(
            window.span.bytes, frameSize: other.bytes.count)
        guard let headers = parsed else { return false }
        return unsafe Checksum.verify(other.bytes.span.bytes, headers: headers) ?? false
    }

    private static func big(_ value: Int) -> [UInt8] {
        [UInt8(value >> 8 & 255), UInt8(value & 255)]
    }
}
