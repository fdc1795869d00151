// SPDX-License-Identifier: Apache-2.0

/// How often something about a takeover took how long. Times in nanoseconds.
struct TakeoverHistogram {
    /// Upper bounds of the buckets, each included; above the last one is one more.
    static let bounds: [UInt64] = [
        100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000,
        50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000,
        5_000_000_000, 10_000_000_000,
    ]

    private var counts = [UInt64](repeating: 0, count: bounds.count)
    private(set) var count: UInt64 = 0
    private(set) var sum: UInt64 = 0

    /// Counts one.
    mutating func observe(_ nanoseconds: UInt64) {
        if let bucket = Self.bounds.firstIndex(where: { nanoseconds <= $0 }) {
            counts[bucket] += 1
        }
        count += 1
        // Times come from shared memory, where anything may stand.
        let (total, isOver) = sum.addingReportingOverflow(nanoseconds)
        sum = isOver ? .max : total
    }

    /// Writes the family, in seconds.
    func write(_ name: String, _ help: String, to text: inout PrometheusText) {
        text.family(name, .histogram, help)
        var below: UInt64 = 0
        for (bound, count) in zip(Self.bounds, counts) {
            below += count
            text.sample("\(name)_bucket", [("le", PrometheusText.seconds(bound))], below)
        }
        text.sample("\(name)_bucket", [("le", "+Inf")], count)
        text.sample("\(name)_sum", [], PrometheusText.seconds(sum))
        text.sample("\(name)_count", [], count)
    }
}
