// SPDX-License-Identifier: Apache-2.0

/// How the silence that is death is found.
public enum DetectionMode: Equatable, Sendable, CustomStringConvertible {
    /// It follows from the intervals seen: a worker that lives is called dead this often.
    case adaptive(falseAlarmsPerDay: Double)
    /// It is always the same.
    case fixed(milliseconds: UInt32)

    /// What is used unless somebody asks for another: one false alarm in a month.
    public static var standard: DetectionMode { .adaptive(falseAlarmsPerDay: 1.0 / 30) }

    /// The most that a fixed silence may be.
    public static var fixedMillisecondsMax: UInt32 { 60_000 }

    /// Reads `adaptive`, which is `standard`, or `fixed:` and a number of milliseconds.
    public init(parsing text: String) throws(DetectionModeError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        switch (parts[0], parts.count) {
        case ("adaptive", 1):
            self = .standard
        case ("fixed", 1):
            throw .missingMilliseconds
        case ("fixed", _):
            let number = parts[1]
            guard !number.isEmpty else { throw .missingMilliseconds }
            guard number.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                throw .malformedMilliseconds(String(number))
            }
            guard let milliseconds = UInt32(number), milliseconds > 0,
                milliseconds <= Self.fixedMillisecondsMax
            else { throw .millisecondsOutOfRange(String(number)) }
            self = .fixed(milliseconds: milliseconds)
        default:
            throw .unknownMode(text)
        }
    }

    /// As it is written on a command line.
    public var description: String {
        switch self {
        case .adaptive: "adaptive"
        case .fixed(let milliseconds): "fixed:\(milliseconds)"
        }
    }
}
