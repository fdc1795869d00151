// SPDX-License-Identifier: Apache-2.0

/// Frames with right checksums, computed by another program than ours.
enum SampleFrames {
    private static let addresses = "02000000000102000000000a"
    private static let ipv6 =
        "20010db8000000000000000000000001" + "20010db800ff00000000000000000007"

    /// "GET /x" to port 80.
    static let tcpv4 = bytes(
        addresses + "0800" + "4500002e1234400040063c5ac0000201c6336407"
            + "9c4000500102030405060708501802004a080000" + "474554202f78")
    /// Eleven bytes after a header with a timestamp option.
    static let tcpv4Options = bytes(
        addresses + "0800" + "4500003f1234400040063c49c0000201c6336407"
            + "9c40005001020304050607088018020005b70000" + "0101080a1111111111111111"
            + "68656c6c6f20776f726c64")
    /// Three bytes: an odd number.
    static let udpv4 = bytes(
        addresses + "0800" + "4500001f1234400040113c5ec0000201c6336407" + "14e90035000b3a1b"
            + "616263")
    /// A datagram whose sum comes out as zero.
    static let udpv4Zero = bytes(
        addresses + "0800" + "4500001e1234400040113c5fc0000201c6336407" + "14e90035000affff"
            + "fe7f")
    /// Behind an IPv4 header with options.
    static let udpv4Options = bytes(
        addresses + "0800" + "46000021123440004011395bc0000201c633640701010100"
            + "14e90035000984817a")
    /// Behind an 802.1ad and an 802.1Q tag.
    static let tcpv4Tagged = bytes(
        addresses + "88a800648100002a" + "0800" + "4500002a1234400040063c5ec0000201c6336407"
            + "9c400050010203040506070850180200ac800000" + "6869")
    /// "hello".
    static let tcpv6 = bytes(
        addresses + "86dd" + "6000000000190640" + ipv6
            + "9c40005001020304050607085018020060d80000" + "68656c6c6f")
    /// "abcd".
    static let udpv6 = bytes(
        addresses + "86dd" + "60000000000c1140" + ipv6 + "14e90035000cc978" + "61626364")
    /// A datagram whose sum comes out as zero.
    static let udpv6Zero = bytes(
        addresses + "86dd" + "60000000000a1140" + ipv6 + "14e90035000affff" + "8e43")
    /// Behind hop-by-hop and destination options.
    static let tcpv6Extended = bytes(
        addresses + "86dd" + "6000000000270040" + ipv6 + "3c00010400000000"
            + "0600010400000000" + "9c400050010203040506070850180200cb330000" + "657874")

    /// All that have a transport.
    static let all: [(name: String, bytes: [UInt8])] = [
        ("TCP over IPv4", tcpv4), ("TCP over IPv4 with options", tcpv4Options),
        ("UDP over IPv4", udpv4), ("UDP over IPv4 summing to zero", udpv4Zero),
        ("UDP behind IPv4 options", udpv4Options), ("TCP behind two tags", tcpv4Tagged),
        ("TCP over IPv6", tcpv6), ("UDP over IPv6", udpv6),
        ("UDP over IPv6 summing to zero", udpv6Zero),
        ("TCP behind IPv6 extension headers", tcpv6Extended),
    ]

    /// An ARP request.
    static let arp = bytes(
        "ffffffffffff02000000000a" + "0806" + "0001080006040001" + "02000000000ac0000201"
            + "000000000000c6336407")
    /// An echo request.
    static let icmp = bytes(
        addresses + "0800" + "4500001c1234400040013c71c0000201c6336407" + "0800f7ff00000000")

    /// Bytes written as pairs of hex digits.
    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            UInt8(digits[$0] * 16 + digits[$0 + 1])
        }
    }
}
