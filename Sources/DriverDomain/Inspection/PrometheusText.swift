// SPDX-License-Identifier: Apache-2.0

/// Figures in Prometheus's text exposition format, version 0.0.4.
struct PrometheusText {
    /// What a family of figures is.
    enum Kind: String {
        case counter, gauge, histogram
    }

    /// A label's name and its value, which may hold anything.
    typealias Label = (name: String, value: String)

    /// What the endpoint calls it.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Everything so far, whole lines.
    private(set) var text = ""

    /// Begins a family: its samples follow, and no other family has its name.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n"
        text += "# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Adds a sample; `value` is a number as the format writes it.
    mutating func sample(_ name: String, _ labels: [Label] = [], _ value: String) {
        text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
            text += "{\(pairs.joined(separator: ","))}"
        }
        text += " \(value)\n"
    }

    /// Adds a sample that is a whole number.
    mutating func sample(_ name: String, _ labels: [Label] = [], _ value: UInt64) {
        sample(name, labels, "\(value)")
    }

    /// Backslashes and ends of lines, and in a label's value quotes, in place of which stands what
    /// the format says.
    static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Nanoseconds as seconds, exactly: a decimal number without zeros at its end.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest > 0 else { return "\(whole)" }
        var digits = String(rest)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }
}
