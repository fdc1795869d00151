// SPDX-License-Identifier: Apache-2.0
import Netif
import TestSupport
import Testing

/// Checksums; among them FreeBSD's add_mbuf_cksum situations: arp, icmp, tcp, tcp_swcksum, udp.
@Suite("Checksums")
struct ChecksumTests {
    /// The checksum as RFC 1071 first describes it, byte pair by byte pair.
    private func simple(_ bytes: [UInt8]) -> UInt16 {
        var sum = 0
        for (index, byte) in bytes.enumerated() {
            sum += index % 2 == 0 ? Int(byte) * 256 : Int(byte)
            if sum > 0xFFFF { sum -= 0xFFFF }
        }
        return UInt16(sum)
    }

    @Test("RFC 1071's example sums to 0xDDF2")
    func rfcExample() {
        #expect([UInt8]([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]).sum(in: 0..<8) == 0xDDF2)
    }

    @Test("sums of every length are those of the simple algorithm", arguments: 0..<4)
    func lengths(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for count in 0..<300 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Zero and 0xFFFF are the same in ones' complement.
            #expect(
                bytes.sum(in: bytes.indices) % 0xFFFF == simple(bytes) % 0xFFFF,
                "seed \(seed), \(count) bytes")
        }
        let worst = [UInt8](repeating: 0xFF, count: NetifLimits.frameSizeMax)
        #expect(worst.sum(in: worst.indices) % 0xFFFF == simple(worst) % 0xFFFF)
    }

    @Test("folding keeps the value modulo 0xFFFF up to the largest sum")
    func folding() {
        for value in [0, 1, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, UInt64.max] {
            let native = Checksum.fold(value).bigEndian
            #expect(UInt64(native) % 0xFFFF == value % 0xFFFF, "\(value)")
        }
    }

    @Test(
        "tcp, tcp_swcksum, udp: the checksum that another program computed is filled in",
        arguments: SampleFrames.all)
    func knownAnswers(_ sample: (name: String, bytes: [UInt8])) throws {
        let headers = try #require(sample.bytes.headers)
        #expect(sample.bytes.verify(headers) == true)
        let field = headers.transportOffset + headers.checksumOffset
        for junk: UInt8 in [0, 0xA5] {
            var frame = sample.bytes
            frame[field] = junk
            frame[field + 1] = junk
            let filled = frame.fill(headers)
            #expect(filled)
            #expect(frame == sample.bytes)
        }
    }

    @Test(
        "a blank checksum completed over the transport alone is right", arguments: SampleFrames.all)
    func blankThenComplete(_ sample: (name: String, bytes: [UInt8])) throws {
        let headers = try #require(sample.bytes.headers)
        var frame = sample.bytes
        let blanked = frame.blank(headers)
        #expect(blanked)
        // What a network card does: sum from the transport on, field included.
        let rest = headers.transportOffset..<headers.transportEnd
        let checksum = ~frame.sum(in: rest)
        let field = headers.transportOffset + headers.checksumOffset
        let wanted = UInt16(sample.bytes[field]) << 8 | UInt16(sample.bytes[field + 1])
        #expect(checksum % 0xFFFF == wanted % 0xFFFF)
    }

    @Test("a changed bit anywhere in transport or addresses is found", arguments: SampleFrames.all)
    func corruption(_ sample: (name: String, bytes: [UInt8])) throws {
        let headers = try #require(sample.bytes.headers)
        for offset in headers.transportOffset..<headers.transportEnd {
            var frame = sample.bytes
            frame[offset] ^= 0x10
            #expect(frame.verify(headers) == false, "byte \(offset)")
        }
        var frame = sample.bytes
        frame[headers.networkOffset + 15] ^= 1
        #expect(frame.verify(headers) == false)
    }

    @Test("arp, icmp: frames without TCP and UDP stay as they are")
    func untouched() throws {
        for sample in [SampleFrames.arp, SampleFrames.icmp] {
            let headers = try #require(sample.headers)
            #expect(headers.transport == nil)
            var frame = sample
            let filled = frame.fill(headers)
            #expect(!filled)
            let blanked = frame.blank(headers)
            #expect(!blanked)
            #expect(frame == sample)
            #expect(sample.verify(headers) == nil)
        }
    }

    @Test("a UDP checksum of zero means none over IPv4 and is wrong over IPv6")
    func udpZero() throws {
        for (sample, verdict) in [(SampleFrames.udpv4, true), (SampleFrames.udpv6, false)] {
            var frame = sample
            let headers = try #require(frame.headers)
            let field = headers.transportOffset + headers.checksumOffset
            (frame[field], frame[field + 1]) = (0, 0)
            #expect(frame.verify(headers) == verdict)
        }
    }

    @Test("padding behind the packet is not summed")
    func padding() throws {
        for sample in SampleFrames.all {
            let headers = try #require(sample.bytes.headers)
            var frame = sample.bytes + [UInt8](repeating: 0xEE, count: 7)
            let padded = frame
            #expect(frame.verify(headers) == true)
            let filled = frame.fill(headers)
            #expect(filled)
            #expect(frame == padded)
        }
    }

    @Test("a frame shorter than its packet claims is left alone")
    func truncated() throws {
        for sample in SampleFrames.all {
            let headers = try #require(sample.bytes.headers)
            let short = Array(sample.bytes.dropLast())
            var frame = short
            let filled = frame.fill(headers)
            #expect(!filled)
            #expect(frame == short)
            #expect(frame.verify(headers) == nil)
        }
    }

    @Test("a large packet over IPv6 sums its length in 32 bits without overflow")
    func largest() throws {
        var frame = SampleFrames.tcpv6
        let size = NetifLimits.frameSizeMax - 14
        frame += [UInt8](repeating: 0xFF, count: NetifLimits.frameSizeMax - frame.count)
        (frame[18], frame[19]) = (UInt8((size - 40) >> 8), UInt8((size - 40) & 255))
        let headers = try #require(frame.headers)
        let filled = frame.fill(headers)
        #expect(filled)
        #expect(frame.verify(headers) == true)
        // The pseudo header, then the transport, by the simple algorithm.
        let pseudo = frame[22..<54] + [0, 0, frame[18], frame[19], 0, 0, 0, 6]
        #expect(simple(Array(pseudo + frame[54...])) % 0xFFFF == 0)
    }
}
