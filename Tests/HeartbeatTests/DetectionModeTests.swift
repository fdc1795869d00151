// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import Testing

@Suite("The mode of detection")
struct DetectionModeTests {
    @Test("it is read from the words of a command line, and written as it is read")
    func parsing() throws {
        #expect(try DetectionMode(parsing: "adaptive") == .standard)
        for milliseconds: UInt32 in [1, 25, 60_000] {
            let mode = try DetectionMode(parsing: "fixed:\(milliseconds)")
            #expect(mode == .fixed(milliseconds: milliseconds))
            #expect(try DetectionMode(parsing: "\(mode)") == mode)
        }
        #expect(try DetectionMode(parsing: "\(DetectionMode.standard)") == .standard)
    }

    @Test(
        "what is wrong with a text is named",
        arguments: [
            ("", DetectionModeError.unknownMode("")),
            ("phi", .unknownMode("phi")),
            ("Adaptive", .unknownMode("Adaptive")),
            ("adaptive:3", .unknownMode("adaptive:3")),
            ("fixed ", .unknownMode("fixed ")),
            (":25", .unknownMode(":25")),
            ("fixed", .missingMilliseconds),
            ("fixed:", .missingMilliseconds),
            ("fixed:25ms", .malformedMilliseconds("25ms")),
            ("fixed:+25", .malformedMilliseconds("+25")),
            ("fixed:-1", .malformedMilliseconds("-1")),
            ("fixed: 25", .malformedMilliseconds(" 25")),
            ("fixed:2:5", .malformedMilliseconds("2:5")),
            ("fixed:\u{0663}", .malformedMilliseconds("\u{0663}")),
            ("fixed:0", .millisecondsOutOfRange("0")),
            ("fixed:60001", .millisecondsOutOfRange("60001")),
            ("fixed:99999999999999999999", .millisecondsOutOfRange("99999999999999999999")),
        ])
    func errors(text: String, expected: DetectionModeError) {
        #expect(throws: expected) { try DetectionMode(parsing: text) }
        #expect(!expected.description.isEmpty)
    }
}
