// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import HostNetwork

@Suite("A link's line in /proc/net/dev")
struct InterfaceCountersTests {
    private static let heading = """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs

        """

    private static func search(_ name: String) -> InterfaceCounters {
        var bytes: [16 of UInt8] = .init(repeating: 0)
        for (position, byte) in name.utf8.prefix(16).enumerated() { bytes[position] = byte }
        return InterfaceCounters(of: bytes)
    }

    /// Packets in, packets out, bytes out; nil when the link is not found.
    private static func find(_ name: String, in text: String) -> [UInt64]? {
        var counters = search(name)
        for byte in text.utf8 { counters.take(byte) }
        guard counters.isFound else { return nil }
        return [
            counters.receivedPackets, counters.transmittedPackets, counters.transmittedBytes,
        ]
    }

    private static func line(_ name: String, _ base: Int = 0) -> String {
        let numbers = (0..<16).map { String(base + $0) }.joined(separator: "    ")
        return "\(name): \(numbers)\n"
    }

    @Test("the line of the name is taken, wherever it is")
    func found() {
        let lines = [
            Self.line("    lo", 100), Self.line("  tap1", 200), Self.line("vif1.0", 300),
            Self.line("vif1.0-q1", 400), Self.line("fifteen-bytes-x", 500),
        ]
        let text = Self.heading + lines.joined()
        #expect(Self.find("lo", in: text) == [101, 109, 108])
        #expect(Self.find("tap1", in: text) == [201, 209, 208])
        #expect(Self.find("vif1.0", in: text) == [301, 309, 308])
        #expect(Self.find("vif1.0-q1", in: text) == [401, 409, 408])
        #expect(Self.find("fifteen-bytes-x", in: text) == [501, 509, 508])
        for other in ["tap", "tap10", "", "vif1", "o", "face", "Inter-|", "0"] {
            #expect(Self.find(other, in: text) == nil, "\(other)")
        }
    }

    @Test("numbers may follow the colon at once, and be as large as the kernel's")
    func numbers() {
        let large = "18446744073709551615"
        #expect(
            Self.find("a", in: "a:0 1 2 3 4 5 6 7 \(large) 9 10 11 12 13 14 15\n")
                == [1, 9, .max])
        #expect(Self.find("a", in: "a: 0 1 2 3 4 5 6 7 8 9\n") == [1, 9, 8])
        #expect(Self.find("a", in: "a: 0 1 2 3 4 5 6 7 8 9 \n") == [1, 9, 8])
    }

    @Test(
        "an odd line counts for nothing, and hides no good one",
        arguments: [
            "a:\n", "a\n", "\n\n", ":\n", "a: 1 2 3 4 5 6 7 8 9\n", "a: 1 -2 3 4 5 6 7 8 9 10\n",
            "a: 1 2 3 4 5 6 7 8 9 1x0 11 12\n", "a : 1 2 3 4 5 6 7 8 9 10 11 12\n",
            "a: 1 18446744073709551616 3 4 5 6 7 8 9 10 11\n",
            "a: 1 99999999999999999999999999 3 4 5 6 7 8 9 10 11\n",
            "a:: 1 2 3 4 5 6 7 8 9 10 11 12\n", "a:b: 1 2 3 4 5 6 7 8 9 10 11 12\n",
            "b: 1 a: 2 3 4 5 6 7 8 9 10 11 12 13\n", "\u{0}a: 1 2 3 4 5 6 7 8 9 10 11 12\n",
            "a\u{0}: 1 2 3 4 5 6 7 8 9 10 11\n", "\ta: 1 2 3 4 5 6 7 8 9 10 11 12 13\n",
        ])
    func odd(text: String) {
        #expect(Self.find("a", in: text) == nil)
        #expect(Self.find("a", in: text + Self.line("a", 20)) == [21, 29, 28])
    }

    @Test("a line is not taken before it has ended, and later ones change nothing")
    func ended() {
        var counters = Self.search("a")
        for byte in Self.line("a", 20).utf8.dropLast() {
            counters.take(byte)
            #expect(!counters.isFound)
        }
        counters.take(0x0A)
        #expect(counters.isFound)
        for byte in Self.line("a", 70).utf8 { counters.take(byte) }
        #expect(counters.receivedPackets == 21)
    }

    @Test("whatever bytes come, none harms", arguments: 0..<8 as Range<UInt64>)
    func noise(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("aab::0123456789  \n".utf8) + [0, 255]
        for _ in 0..<200 {
            var counters = Self.search("a")
            for _ in 0..<200 {
                counters.take(alphabet.randomElement(using: &random) ?? 0)
            }
            if !counters.isFound {
                for byte in ("\n" + Self.line("a", 30)).utf8 { counters.take(byte) }
                #expect(counters.isFound, "seed \(seed)")
            }
        }
    }
}
