// SPDX-License-Identifier: Apache-2.0

/// Where the headers of a frame are: what checksums and segmentation need, no more.
///
/// The bytes are a guest's: anything odd ends the search, and what was found until then stays.
public struct FrameHeaders: Equatable, Sendable {
    /// What the frame carries.
    public enum Network: Equatable, Sendable {
        /// Internet Protocol version 4.
        case ipv4
        /// Internet Protocol version 6.
        case ipv6
        /// Anything else, malformed headers included.
        case other

        /// Compares; a synthesised comparison cannot be inlined.
        @inlinable
        public static func == (left: Network, right: Network) -> Bool {
            switch (left, right) {
            case (.ipv4, .ipv4), (.ipv6, .ipv6), (.other, .other): true
            default: false
            }
        }
    }

    /// Transports whose checksum covers a pseudo header.
    public enum Transport: Equatable, Sendable {
        /// Transmission Control Protocol.
        case tcp
        /// User Datagram Protocol.
        case udp

        /// The protocol number in an IP header.
        @inlinable
        public var number: UInt8 {
            switch self {
            case .tcp: 6
            case .udp: 17
            }
        }

        /// Compares; a synthesised comparison cannot be inlined.
        @inlinable
        public static func == (left: Transport, right: Transport) -> Bool {
            left.number == right.number
        }
    }

    /// Bytes from the start of the frame to the network header.
    public var networkOffset: Int
    /// What the network header is.
    public var network: Network
    // The type is written out because the short form's implied nil cannot be inlined.
    /// Nil for other protocols, for fragments and for headers not within the bytes seen.
    public var transport: Optional<Transport>
    /// Bytes from the start of the frame to the transport header; 0 without one.
    public var transportOffset: Int
    /// Bytes of headers, from Ethernet to the end of the transport's; 0 without one.
    public var headerLength: Int
    /// Bytes from the start of the frame to the end of what the transport's checksum covers, by
    /// the sender's word: may lie past the end of the frame. Padding may follow. 0 without one.
    public var transportEnd: Int

    /// True when TCP or UDP was found.
    @inlinable
    public var hasTransport: Bool {
        guard case .some = transport else { return false }
        return true
    }

    /// Bytes from the transport header to its checksum field; 0 without one.
    @inlinable
    public var checksumOffset: Int {
        switch transport {
        case .tcp: 16
        case .udp: 6
        case nil: 0
        }
    }

    /// Reads the headers of a frame, of which the first `NetifLimits.headerWindow` bytes suffice.
    ///
    /// Nil when not even the Ethernet header and its tags are there. `frameSize`, in bytes, stands
    /// in for a length of zero in an IP header, which some systems leave in large packets.
    @inlinable
    public static func parse(
        _ bytes: RawSpan, frameSize: Int = NetifLimits.frameSizeMax
    ) -> FrameHeaders? {
        guard bytes.byteCount >= NetifLimits.ethernetHeaderSize else { return nil }
        var offset = NetifLimits.ethernetHeaderSize
        var etherType = bytes.bigEndian16(at: 12)
        // At most two tags: 802.1Q, or 802.1ad around it.
        var tagCount = 0
        while tagCount < 2 {
            guard etherType == 0x8100 ? true : etherType == 0x88A8 else { break }
            guard bytes.byteCount >= offset + 4 else { return nil }
            etherType = bytes.bigEndian16(at: offset + 2)
            offset += 4
            tagCount += 1
        }
        var headers = FrameHeaders(networkOffset: offset)
        switch etherType {
        case 0x0800: headers.findIPv4(bytes, frameSize)
        case 0x86DD: headers.findIPv6(bytes, frameSize)
        default: break
        }
        return headers
    }

    /// Starts with a network header of unknown kind. Default values of the properties themselves
    /// could not be inlined.
    @inlinable
    init(networkOffset: Int) {
        self.networkOffset = networkOffset
        network = .other
        transport = nil
        transportOffset = 0
        headerLength = 0
        transportEnd = 0
    }

    @inlinable
    mutating func findIPv4(_ bytes: RawSpan, _ frameSize: Int) {
        let start = networkOffset
        guard bytes.byteCount >= start + 20 else { return }
        let first = bytes.byte(at: start)
        let length = Int(first & 15) * 4
        let total = Int(bytes.bigEndian16(at: start + 2))
        let end = total == 0 ? frameSize : start + total
        guard first >> 4 == 4, length >= 20, end >= start + length else { return }
        network = .ipv4
        // More fragments, or not the first: the checksum covers bytes that are not here.
        guard bytes.bigEndian16(at: start + 6) & 0x3FFF == 0 else { return }
        findTransport(bytes, number: bytes.byte(at: start + 9), at: start + length, end: end)
    }

    @inlinable
    mutating func findIPv6(_ bytes: RawSpan, _ frameSize: Int) {
        let start = networkOffset
        guard bytes.byteCount >= start + 40, bytes.byte(at: start) >> 4 == 6 else { return }
        network = .ipv6
        let payload = Int(bytes.bigEndian16(at: start + 4))
        let end = payload == 0 ? frameSize : start + 40 + payload
        var next = bytes.byte(at: start + 6)
        var offset = start + 40
        for _ in 0...NetifLimits.extensionHeadersMax {
            switch next {
            case 0, 43, 60, 44, 51: break
            default: return findTransport(bytes, number: next, at: offset, end: end)
            }
            guard bytes.byteCount >= offset + 8 else { return }
            let length = Int(bytes.byte(at: offset + 1))
            let header = next
            next = bytes.byte(at: offset)
            switch header {
            case 43:
                // With segments left the pseudo header has another destination than the header.
                guard bytes.byte(at: offset + 3) == 0 else { return }
                offset += (length + 1) * 8
            case 44:
                // A fragment, unless it is both the first and the last.
                guard bytes.bigEndian16(at: offset + 2) & 0xFFF9 == 0 else { return }
                offset += 8
            case 51: offset += (length + 2) * 4
            default: offset += (length + 1) * 8
            }
        }
    }

    @inlinable
    mutating func findTransport(_ bytes: RawSpan, number: UInt8, at offset: Int, end: Int) {
        let found: Transport
        let length: Int
        var coveredEnd = end
        switch number {
        case 6:
            guard bytes.byteCount >= offset + 20 else { return }
            found = .tcp
            length = Int(bytes.byte(at: offset + 12) >> 4) * 4
            guard length >= 20 else { return }
        case 17:
            guard bytes.byteCount >= offset + 8 else { return }
            found = .udp
            length = 8
            // A datagram may be shorter than the packet around it.
            coveredEnd = offset + Int(bytes.bigEndian16(at: offset + 4))
        default: return
        }
        guard offset + length <= coveredEnd, coveredEnd <= end else { return }
        transport = found
        transportOffset = offset
        headerLength = offset + length
        transportEnd = coveredEnd
    }
}
