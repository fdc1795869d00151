// SPDX-License-Identifier: Apache-2.0
import Netif
import TestSupport
import Testing

@Suite("Headers of frames")
struct FrameHeadersTests {
    private func expect(
        _ bytes: [UInt8], _ network: FrameHeaders.Network, _ transport: FrameHeaders.Transport?,
        at networkOffset: Int, _ transportOffset: Int, length: Int,
        location: SourceLocation = #_sourceLocation
    ) throws {
        let headers = try #require(bytes.headers, sourceLocation: location)
        #expect(headers.network == network, sourceLocation: location)
        #expect(headers.transport == transport, sourceLocation: location)
        #expect(headers.networkOffset == networkOffset, sourceLocation: location)
        #expect(headers.transportOffset == transportOffset, sourceLocation: location)
        #expect(headers.headerLength == length, sourceLocation: location)
    }

    @Test("the headers of ordinary frames are found")
    func ordinary() throws {
        try expect(SampleFrames.tcpv4, .ipv4, .tcp, at: 14, 34, length: 54)
        try expect(SampleFrames.tcpv4Options, .ipv4, .tcp, at: 14, 34, length: 66)
        try expect(SampleFrames.udpv4, .ipv4, .udp, at: 14, 34, length: 42)
        try expect(SampleFrames.udpv4Options, .ipv4, .udp, at: 14, 38, length: 46)
        try expect(SampleFrames.tcpv4Tagged, .ipv4, .tcp, at: 22, 42, length: 62)
        try expect(SampleFrames.tcpv6, .ipv6, .tcp, at: 14, 54, length: 74)
        try expect(SampleFrames.udpv6, .ipv6, .udp, at: 14, 54, length: 62)
        try expect(SampleFrames.tcpv6Extended, .ipv6, .tcp, at: 14, 70, length: 90)
        try expect(SampleFrames.arp, .other, nil, at: 14, 0, length: 0)
        try expect(SampleFrames.icmp, .ipv4, nil, at: 14, 0, length: 0)
    }

    @Test("the checksum field is 16 bytes into TCP and 6 into UDP")
    func checksumOffsets() throws {
        #expect(try #require(SampleFrames.tcpv4.headers).checksumOffset == 16)
        #expect(try #require(SampleFrames.udpv4.headers).checksumOffset == 6)
        #expect(try #require(SampleFrames.arp.headers).checksumOffset == 0)
    }

    /// A copy of a frame with one byte changed.
    private func changed(_ bytes: [UInt8], _ offset: Int, to value: UInt8) -> [UInt8] {
        var copy = bytes
        copy[offset] = value
        return copy
    }

    @Test("fragments have no transport: their checksum covers what is not here")
    func fragments() throws {
        // More fragments; then an offset in either byte; then "don't fragment", which is none.
        for (offset, value) in [(20, UInt8(0x20)), (20, 0x01), (21, 0x01)] {
            let frame = changed(SampleFrames.tcpv4, offset, to: value)
            try expect(frame, .ipv4, nil, at: 14, 0, length: 0)
        }
        try expect(
            changed(SampleFrames.tcpv4, 20, to: 0), .ipv4, .tcp, at: 14, 34, length: 54)
        var first = changed(SampleFrames.tcpv6Extended, 20, to: 44)
        (first[54], first[55], first[56], first[57]) = (60, 0, 0, 1)
        try expect(first, .ipv6, nil, at: 14, 0, length: 0)
        first[56] = 1
        first[57] = 0
        try expect(first, .ipv6, nil, at: 14, 0, length: 0)
        // A fragment header on a whole packet; its second byte is reserved, not a length.
        (first[55], first[56], first[57]) = (9, 0, 6)
        try expect(first, .ipv6, .tcp, at: 14, 70, length: 90)
    }

    @Test("routing with segments left has no transport, without any it is skipped")
    func routing() throws {
        var frame = changed(SampleFrames.tcpv6Extended, 20, to: 43)
        (frame[56], frame[57]) = (0, 1)
        try expect(frame, .ipv6, nil, at: 14, 0, length: 0)
        frame[57] = 0
        try expect(frame, .ipv6, .tcp, at: 14, 70, length: 90)
    }

    @Test("an authentication header is measured in words of four bytes")
    func authentication() throws {
        // Eight bytes: a length field of 0 means two words.
        let frame = changed(SampleFrames.tcpv6Extended, 20, to: 51)
        try expect(frame, .ipv6, .tcp, at: 14, 70, length: 90)
        let longer = changed(frame, 55, to: 2)
        // Sixteen bytes now, so that the destination options are passed over unseen.
        try expect(changed(longer, 54, to: 6), .ipv6, .tcp, at: 14, 70, length: 90)
    }

    @Test("extension headers without end are given up")
    func endlessExtensions() throws {
        var frame = SampleFrames.tcpv6Extended
        frame.removeSubrange(54..<70)
        let tail = Array(frame[54...])
        frame.removeSubrange(54...)
        for count in [8, 9, 20] {
            var chain = frame
            for index in 0..<count {
                chain += [index == count - 1 ? 6 : 60, 0, 1, 4, 0, 0, 0, 0]
            }
            chain += tail
            let payload = chain.count - 54
            chain[20] = 60
            chain[19] = UInt8(payload)
            let headers = try #require(chain.headers)
            #expect((headers.transport == .tcp) == (count == 8), "\(count) headers")
        }
    }

    @Test("lengths that contradict themselves leave the transport out")
    func contradictions() throws {
        let tcp = SampleFrames.tcpv4
        // Version 5; a header of 16 bytes; a total length shorter than the header.
        try expect(changed(tcp, 14, to: 0x55), .other, nil, at: 14, 0, length: 0)
        try expect(changed(tcp, 14, to: 0x44), .other, nil, at: 14, 0, length: 0)
        try expect(changed(tcp, 17, to: 19), .other, nil, at: 14, 0, length: 0)
        // TCP: a header of 16 bytes, or one longer than the packet.
        try expect(changed(tcp, 46, to: 0x40), .ipv4, nil, at: 14, 0, length: 0)
        try expect(changed(tcp, 46, to: 0xF0), .ipv4, nil, at: 14, 0, length: 0)
        // UDP: shorter than its header, longer than the packet.
        let udp = SampleFrames.udpv4
        try expect(changed(udp, 39, to: 7), .ipv4, nil, at: 14, 0, length: 0)
        try expect(changed(udp, 39, to: 12), .ipv4, nil, at: 14, 0, length: 0)
        try expect(changed(SampleFrames.tcpv6, 14, to: 0x40), .other, nil, at: 14, 0, length: 0)
    }

    @Test("a datagram shorter than the packet around it ends where it says")
    func shortDatagram() throws {
        let headers = try #require(changed(SampleFrames.udpv4, 39, to: 10).headers)
        #expect(headers.transportEnd == SampleFrames.udpv4.count - 1)
    }

    @Test("an IP length of zero stands for the rest of the frame")
    func zeroLength() throws {
        let fourth = changed(SampleFrames.tcpv4, 17, to: 0)
        #expect(try #require(fourth.headers).transportEnd == fourth.count)
        let sixth = changed(SampleFrames.tcpv6, 19, to: 0)
        #expect(try #require(sixth.headers).transportEnd == sixth.count)
    }

    @Test("three tags are one too many")
    func tags() throws {
        var frame = SampleFrames.tcpv4Tagged
        frame.insert(contentsOf: [0x81, 0, 0, 1], at: 12)
        try expect(frame, .other, nil, at: 22, 0, length: 0)
    }

    @Test("every prefix of every sample is taken without a trap", arguments: SampleFrames.all)
    func prefixes(_ sample: (name: String, bytes: [UInt8])) throws {
        let whole = try #require(sample.bytes.headers)
        for count in 0...sample.bytes.count {
            let headers = sample.bytes.headers(inFirst: count)
            #expect((headers == nil) == (count < whole.networkOffset))
            if headers?.hasTransport == true { #expect(headers == whole) }
        }
    }

    @Test("random and mutated bytes never trap, and offsets stay in order", arguments: 0..<4)
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for round in 0..<15_000 {
            var bytes = SampleFrames.all[Int(random.next() % 10)].bytes
            for _ in 0..<(1 + random.next() % 4) {
                bytes[12 + Int(random.next() % UInt64(bytes.count - 12))] =
                    UInt8(truncatingIfNeeded: random.next())
            }
            if random.next() % 4 == 0 { bytes.removeLast(Int(random.next() % 40)) }
            guard let headers = bytes.headers else { continue }
            var sound = headers.networkOffset <= bytes.count
            if headers.hasTransport {
                sound =
                    sound && headers.transportOffset >= headers.networkOffset + 20
                    && headers.headerLength >= headers.transportOffset + 8
                    && headers.transportEnd >= headers.headerLength
                    && headers.transportOffset + headers.checksumOffset + 2
                        <= min(bytes.count, headers.headerLength)
            }
            #expect(sound, "seed \(seed), round \(round)")
            _ = bytes.verify(headers)
            if bytes.fill(headers) {
                #expect(bytes.verify(headers) == true, "seed \(seed), round \(round)")
            }
            _ = bytes.blank(headers)
        }
    }
}
