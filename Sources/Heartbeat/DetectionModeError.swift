// SPDX-License-Identifier: Apache-2.0

/// Why a text is no `DetectionMode`.
public enum DetectionModeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Neither `adaptive` nor `fixed:MS`.
    case unknownMode(String)
    /// `fixed` without a number.
    case missingMilliseconds
    /// What follows `fixed:` is more than digits.
    case malformedMilliseconds(String)
    /// Nothing, or more than anybody would wait.
    case millisecondsOutOfRange(String)

    /// As an operator reads it.
    public var description: String {
        switch self {
        case .unknownMode(let text):
            "no way to detect a death: \"\(text)\"; it is adaptive or fixed:MS"
        case .missingMilliseconds:
            "fixed needs its milliseconds, as in fixed:25"
        case .malformedMilliseconds(let text):
            "milliseconds are digits only: \"\(text)\""
        case .millisecondsOutOfRange(let text):
            "\(text) milliseconds: they are 1 to \(DetectionMode.fixedMillisecondsMax)"
        }
    }
}
