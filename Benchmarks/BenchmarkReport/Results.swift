// SPDX-License-Identifier: Apache-2.0

/// What `scripts/bench` measured, round by round.
public struct Results: Sendable {
    private struct Key: Hashable {
        var build: String
        var workload: String
    }

    private var values: [Key: [Int: Double]] = [:]
    private var builds: [String] = []
    private var workloads: [String] = []

    /// No results.
    public init() {}

    /// Takes a line of `round build workload value`; false when it is none.
    public mutating func add(_ line: String) -> Bool {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 4, let round = Int(words[0]), let value = Double(words[3]) else {
            return false
        }
        if !builds.contains(words[1]) { builds.append(words[1]) }
        if !workloads.contains(words[2]) { workloads.append(words[2]) }
        values[Key(build: words[1], workload: words[2]), default: [:]][round] = value
        return true
    }

    /// A row for each workload, a column for each build.
    public var table: Table {
        var table = Table(["median (min-max)"] + builds)
        for workload in workloads {
            let cells = builds.map { build in
                let values = values[Key(build: build, workload: workload)].map { Array($0.values) }
                return Spread(values ?? [])?.text(digits: digits(of: values ?? [])) ?? "-"
            }
            table.append([workload] + cells)
        }
        return table
    }

    /// Every build over the first and over the second, pair by pair within the rounds. What was
    /// lost is left out: a ratio of losses says nothing.
    public var ratios: Table {
        let bases = builds.prefix(2)
        var headings = ["ratio, median (min-max)"]
        for base in bases { headings += builds.filter { $0 != base }.map { "\($0) / \(base)" } }
        var table = Table(headings)
        for workload in workloads where !workload.hasSuffix("-lost-%") {
            var row = [workload]
            for base in bases {
                for build in builds where build != base {
                    row.append(ratio(of: build, to: base, workload)?.text(digits: 2) ?? "-")
                }
            }
            table.append(row)
        }
        return table
    }

    private func ratio(of build: String, to base: String, _ workload: String) -> Spread? {
        let upper = values[Key(build: build, workload: workload)] ?? [:]
        let lower = values[Key(build: base, workload: workload)] ?? [:]
        let rounds = upper.keys.filter { lower[$0] != nil }.sorted()
        return Spread.ratio(
            rounds.compactMap { upper[$0] }, rounds.compactMap { lower[$0] })
    }

    private func digits(of values: [Double]) -> Int {
        let largest = values.max() ?? 0
        if largest >= 1000 { return 0 }
        return largest >= 100 ? 1 : 2
    }
}
