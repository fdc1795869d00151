// SPDX-License-Identifier: Apache-2.0

/// The internet checksum (RFC 1071) of TCP and UDP over IPv4 and IPv6.
///
/// Sums are kept in 64 bits, where 32-bit words of the largest frame cannot overflow, and in the
/// machine's byte order, which a ones' complement sum does not care about until the end.
public enum Checksum {
    /// Adds the bytes of `range`, the first of which is the high half of a word, to a sum.
    @inlinable
    public static func sum(
        _ bytes: RawSpan, in range: Range<Int>, adding initial: UInt64 = 0
    ) -> UInt64 {
        var total = initial
        var offset = range.lowerBound
        while offset + 4 <= range.upperBound {
            total += UInt64(bytes.word32(at: offset))
            offset += 4
        }
        if offset + 2 <= range.upperBound {
            total += UInt64(bytes.word16(at: offset))
            offset += 2
        }
        if offset < range.upperBound {
            total += UInt64((UInt16(bytes.byte(at: offset)) << 8).bigEndian)
        }
        return total
    }

    /// A sum as 16 bits in network order, not complemented.
    @inlinable
    public static func fold(_ sum: UInt64) -> UInt16 {
        var folded = (sum >> 32) + (sum & 0xFFFF_FFFF)
        folded = (folded >> 32) + (folded & 0xFFFF_FFFF)
        folded = (folded >> 16) + (folded & 0xFFFF)
        folded = (folded >> 16) + (folded & 0xFFFF)
        folded = (folded >> 16) + (folded & 0xFFFF)
        return UInt16(truncatingIfNeeded: folded).bigEndian
    }

    /// The sum of the pseudo header: both addresses, the protocol and the transport's `length`.
    ///
    /// The frame must hold the network header that `headers` found. Zero without a transport.
    @inlinable
    public static func pseudoHeaderSum(
        _ bytes: RawSpan, headers: FrameHeaders, length: Int
    ) -> UInt64 {
        guard let transport = headers.transport else { return 0 }
        let addresses =
            switch headers.network {
            case .ipv4: headers.networkOffset + 12..<headers.networkOffset + 20
            case .ipv6: headers.networkOffset + 8..<headers.networkOffset + 40
            case .other: 0..<0
            }
        guard addresses.upperBound <= bytes.byteCount else { return 0 }
        let high = UInt16(truncatingIfNeeded: length >> 16)
        let low = UInt16(truncatingIfNeeded: length)
        let rest =
            UInt64(high.bigEndian) + UInt64(low.bigEndian)
            + UInt64(UInt16(transport.number).bigEndian)
        return sum(bytes, in: addresses, adding: rest)
    }

    /// True when there is a transport whose checksum can be computed: all its bytes are here.
    @inlinable
    static func covers(_ byteCount: Int, _ headers: FrameHeaders) -> Bool {
        guard headers.hasTransport, headers.headerLength <= headers.transportEnd else {
            return false
        }
        return headers.transportEnd <= byteCount
    }

    /// The TCP or UDP checksum that belongs into a whole frame's field, in host order; what stands
    /// in the field now does not count.
    ///
    /// Nil without a transport or when the packet's end is not here. A UDP checksum that comes out
    /// as zero is 0xFFFF, since zero means "none".
    @inlinable
    public static func full(_ frame: RawSpan, headers: FrameHeaders) -> UInt16? {
        guard covers(frame.byteCount, headers) else { return nil }
        let field = headers.transportOffset + headers.checksumOffset
        let total = sumAround(field, frame, headers)
        let checksum = ~fold(total)
        if case .udp = headers.transport, checksum == 0 { return 0xFFFF }
        return checksum
    }

    /// The folded pseudo-header sum, in host order, as a blank checksum has it in its field.
    ///
    /// The start of the frame suffices. Nil without a transport.
    @inlinable
    public static func blank(_ frame: RawSpan, headers: FrameHeaders) -> UInt16? {
        guard headers.hasTransport, headers.headerLength <= headers.transportEnd,
            headers.headerLength <= frame.byteCount
        else { return nil }
        let length = headers.transportEnd - headers.transportOffset
        return fold(pseudoHeaderSum(frame, headers: headers, length: length))
    }

    /// The sum over pseudo header and transport without the field of two bytes at `field`.
    @inlinable
    static func sumAround(_ field: Int, _ frame: RawSpan, _ headers: FrameHeaders) -> UInt64 {
        let start = headers.transportOffset
        let length = headers.transportEnd - start
        let pseudo = pseudoHeaderSum(frame, headers: headers, length: length)
        // Both fields stand at an even offset of their header, so words keep their halves.
        let before = sum(frame, in: start..<field, adding: pseudo)
        return sum(frame, in: field + 2..<headers.transportEnd, adding: before)
    }

    /// True when the TCP or UDP checksum of a whole frame is right; a UDP checksum of zero over
    /// IPv4 means that there is none. Nil when it cannot be computed.
    @inlinable
    public static func verify(_ frame: RawSpan, headers: FrameHeaders) -> Bool? {
        guard covers(frame.byteCount, headers) else { return nil }
        let field = headers.transportOffset + headers.checksumOffset
        if case .udp = headers.transport, frame.word16(at: field) == 0 {
            guard case .ipv4 = headers.network else { return false }
            return true
        }
        return transportSum(frame, headers) == 0xFFFF
    }

    /// The folded sum over pseudo header and transport, checksum field included.
    @inlinable
    static func transportSum(_ frame: RawSpan, _ headers: FrameHeaders) -> UInt16 {
        let range = headers.transportOffset..<headers.transportEnd
        let pseudo = pseudoHeaderSum(frame, headers: headers, length: range.count)
        return fold(sum(frame, in: range, adding: pseudo))
    }
}
