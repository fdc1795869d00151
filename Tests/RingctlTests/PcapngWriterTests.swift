// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import ringctl

@Suite("A pcapng stream")
struct PcapngWriterTests {
    /// A time of which every byte is another.
    private static let time: UInt64 = 0x1122_3344_5566_7788
    /// The same, upper word first.
    private static let timeBytes: [UInt8] = [0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55]

    /// A writer with its section's head already written out.
    private func begun() -> PcapngWriter {
        var writer = PcapngWriter(application: "ringctl")
        writer.removeBytes()
        return writer
    }

    @Test("the section's head")
    func section() {
        #expect(
            PcapngWriter(application: "ringctl").bytes == [
                0x0A, 0x0D, 0x0D, 0x0A,  // block type
                44, 0, 0, 0,  // block length
                0x4D, 0x3C, 0x2B, 0x1A,  // byte order magic
                1, 0, 0, 0,  // version 1.0
                0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,  // section length: not given
                4, 0, 7, 0,  // shb_userappl
                0x72, 0x69, 0x6E, 0x67, 0x63, 0x74, 0x6C, 0,  // "ringctl", padded
                0, 0, 0, 0,  // opt_endofopt
                44, 0, 0, 0,
            ])
    }

    @Test("an interface, and the numbers they get")
    func interface() {
        var writer = begun()
        #expect(writer.addInterface(named: "vif3.0", snapLength: 0x12345) == 0)
        #expect(
            writer.bytes == [
                1, 0, 0, 0,  // block type
                44, 0, 0, 0,  // block length
                1, 0, 0, 0,  // LINKTYPE_ETHERNET, reserved
                0x45, 0x23, 1, 0,  // snap length
                2, 0, 6, 0,  // if_name
                0x76, 0x69, 0x66, 0x33, 0x2E, 0x30, 0, 0,  // "vif3.0", padded
                9, 0, 1, 0, 9, 0, 0, 0,  // if_tsresol: nanoseconds, padded
                0, 0, 0, 0,  // opt_endofopt
                44, 0, 0, 0,
            ])
        #expect(writer.addInterface(named: "vif4.0", snapLength: 1) == 1)
        #expect(writer.addInterface(named: "vif5.0", snapLength: 1) == 2)
    }

    @Test("a packet cut short from the guest is padded and inbound")
    func packet() {
        var writer = begun()
        let frame: [UInt8] = [0xA0, 0xA1, 0xA2, 0xA3, 0xA4]
        writer.append(
            frame.span, of: 258, at: Self.time, isFromGuest: true, originalLength: 66_000)
        #expect(
            writer.bytes == [
                6, 0, 0, 0,  // block type
                52, 0, 0, 0,  // block length
                2, 1, 0, 0,  // interface
            ] + Self.timeBytes + [
                5, 0, 0, 0,  // captured length
                0xD0, 1, 1, 0,  // original length
                0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0, 0, 0,
                2, 0, 4, 0, 1, 0, 0, 0,  // epb_flags: inbound
                0, 0, 0, 0,  // opt_endofopt
                52, 0, 0, 0,
            ])
    }

    @Test("data of any length ends on a word, and the lengths say so", arguments: 0...9)
    func padding(count: Int) {
        var writer = begun()
        let frame = [UInt8](repeating: 0xFF, count: count)
        writer.append(frame.span, of: 0, at: 0, isFromGuest: false, originalLength: count)
        let padded = [0, 4, 4, 4, 4, 8, 8, 8, 8, 12][count]
        let length = 28 + padded + 8 + 4 + 4
        #expect(writer.bytes.count == length)
        #expect(number(writer.bytes, 4) == length)
        #expect(number(writer.bytes, writer.bytes.count - 4) == length)
        #expect(number(writer.bytes, 20) == count)
        #expect(number(writer.bytes, 24) == count)
        let data = Array(writer.bytes[28..<(28 + padded)])
        #expect(data == frame + [UInt8](repeating: 0, count: padded - count))
        #expect(Array(writer.bytes[(28 + padded)..<(32 + padded)]) == [2, 0, 4, 0])
    }

    @Test("what is left to do is in the flags")
    func flags() {
        let cases: [(isFromGuest: Bool, flags: UInt8, gsoType: UInt8, expected: Int)] = [
            (true, 0, 0, 0x001), (false, 0, 0, 0x002), (true, 1, 0, 0x201), (false, 1, 0, 0x202),
            (true, 2, 0, 0x401), (false, 3, 0x81, 0xE02),
        ]
        for (isFromGuest, flags, gsoType, expected) in cases {
            var writer = begun()
            var header = VnetHeader()
            header.flags = flags
            header.gsoType = gsoType
            writer.append(
                [UInt8]().span, of: 0, at: 0, isFromGuest: isFromGuest, originalLength: 0,
                header: header)
            #expect(Array(writer.bytes[28..<32]) == [2, 0, 4, 0])
            #expect(number(writer.bytes, 32) == expected, "\(isFromGuest) \(flags) \(gsoType)")
        }
    }

    @Test(
        "a packet to be cut has a comment",
        arguments: [
            (UInt8(1), "gso size 1448 type tcpv4"), (4, "gso size 1448 type tcpv6"),
            (0x81, "gso size 1448 type tcpv4"), (5, "gso size 1448 type 5"),
        ])
    func comment(gsoType: UInt8, text: String) {
        var writer = begun()
        var header = VnetHeader()
        header.gsoType = gsoType
        header.gsoSize = 1448
        writer.append(
            [UInt8]().span, of: 0, at: 0, isFromGuest: true, originalLength: 0, header: header)
        let size = text.utf8.count
        let padded = (size + 3) / 4 * 4
        let expected =
            [1, 0, UInt8(size), 0] + Array(text.utf8)
            + [UInt8](repeating: 0, count: padded - size) + [0, 0, 0, 0]
        #expect(Array(writer.bytes[36..<(writer.bytes.count - 4)]) == expected)
        #expect(number(writer.bytes, 4) == 36 + 4 + padded + 8)
        #expect(number(writer.bytes, writer.bytes.count - 4) == 36 + 4 + padded + 8)
    }

    @Test("the counters at the end")
    func statistics() {
        var writer = begun()
        writer.appendStatistics(
            of: 3, at: Self.time, received: 0x0102_0304_0506_0708, dropped: 9)
        #expect(
            writer.bytes == [
                5, 0, 0, 0,  // block type
                52, 0, 0, 0,  // block length
                3, 0, 0, 0,  // interface
            ] + Self.timeBytes + [
                4, 0, 8, 0, 8, 7, 6, 5, 4, 3, 2, 1,  // isb_ifrecv
                5, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0, 0,  // isb_ifdrop
                0, 0, 0, 0,  // opt_endofopt
                52, 0, 0, 0,
            ])
    }

    @Test("blocks follow one another, however often they are written out")
    func blocks() {
        func stream(isRemoving: Bool) -> [UInt8] {
            var written: [UInt8] = []
            var writer = PcapngWriter(application: "x")
            func writeOut(_ writer: inout PcapngWriter) {
                written += writer.bytes
                writer.removeBytes()
            }
            if isRemoving { writeOut(&writer) }
            _ = writer.addInterface(named: "vif3.0", snapLength: 64)
            for count in 0..<5 {
                if isRemoving { writeOut(&writer) }
                let frame = [UInt8](repeating: 7, count: count)
                writer.append(frame.span, of: 0, at: 1, isFromGuest: true, originalLength: 9)
            }
            writer.appendStatistics(of: 0, at: 2, received: 5, dropped: 0)
            writeOut(&writer)
            #expect(writer.bytes.isEmpty)
            return written
        }
        let bytes = stream(isRemoving: false)
        #expect(stream(isRemoving: true) == bytes)
        var types: [Int] = []
        var position = 0
        while position + 12 <= bytes.count {
            let length = number(bytes, position + 4)
            guard length >= 12, length.isMultiple(of: 4), position + length <= bytes.count else {
                break
            }
            #expect(number(bytes, position + length - 4) == length)
            types.append(number(bytes, position))
            position += length
        }
        #expect(position == bytes.count)
        #expect(types == [0x0A0D_0D0A, 1, 6, 6, 6, 6, 6, 5])
    }

    @Test("a text that is too long for an option is cut")
    func longText() {
        let bytes = PcapngWriter(application: String(repeating: "x", count: 70_000)).bytes
        #expect(Array(bytes[24..<28]) == [4, 0, 0xFF, 0xFF])
        #expect(bytes.count == 28 + 65_536 + 4 + 4)
        #expect(number(bytes, 4) == bytes.count)
    }

    private func number(_ bytes: [UInt8], _ offset: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }
}
