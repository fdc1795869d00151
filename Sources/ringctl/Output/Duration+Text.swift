// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// Nanoseconds as a person reads them: `380 µs`, `4.2 ms`, `12 s`, `3 h 5 min`.
    static func text(nanoseconds: UInt64) -> String {
        func tenths(_ value: UInt64, of unit: UInt64) -> String {
            let whole = value / unit
            guard whole < 10 else { return "\(whole)" }
            return "\(whole).\(value % unit * 10 / unit)"
        }
        switch nanoseconds {
        case 0..<1000: return "\(nanoseconds) ns"
        case 1000..<1_000_000: return "\(tenths(nanoseconds, of: 1000)) µs"
        case 1_000_000..<1_000_000_000: return "\(tenths(nanoseconds, of: 1_000_000)) ms"
        case 1_000_000_000..<120_000_000_000:
            return "\(tenths(nanoseconds, of: 1_000_000_000)) s"
        default:
            let minutes = nanoseconds / 60_000_000_000
            return minutes < 120 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
        }
    }
}
