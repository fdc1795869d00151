// SPDX-License-Identifier: Apache-2.0
import Histogram

/// A chaos run's result as tables.
enum ChaosReport {
    /// Counts for each class of fault.
    static func counts(_ result: ChaosResult) -> String {
        var rows = [
            [
                "*emulated*", "faults", "lost tx/rx", "dup tx/rx", "reordered", "damaged",
                "tcp again", "tcp resets", "missing", "false",
            ]
        ]
        for kind in FaultClass.allCases {
            let records = result.records.filter { $0.fault.kind == kind }
            guard !records.isEmpty else { continue }
            func pair(_ what: SequenceCheck.Anomaly.Kind) -> String {
                let counts = records.map { $0.count(what) }
                return "\(counts.reduce(0) { $0 + $1.transmit })/"
                    + "\(counts.reduce(0) { $0 + $1.receive })"
            }
            rows.append([
                kind.rawValue, "\(records.count)", pair(.lost), pair(.duplicated),
                pair(.reordered), pair(.damaged),
                "\(records.reduce(0) { $0 + $1.tcp.retransmitted })",
                "\(records.reduce(0) { $0 + $1.tcp.resets })",
                "\(records.count { $0.isMissing })",
                "\(records.reduce(0) { $0 + $1.falseTakeovers })",
            ])
        }
        return TextTable.text(rows)
    }

    /// Percentiles of every phase for each class, in milliseconds.
    static func phases(_ result: ChaosResult) -> String {
        var rows = [["*emulated*, ms", "count", "p50", "p90", "p99", "max", "aim"]]
        for kind in FaultClass.allCases {
            let records = result.records.filter { $0.fault.kind == kind }
            guard !records.isEmpty else { continue }
            let phases = records.compactMap(\.phases)
            let steps: [(String, [UInt64])] = [
                (kind == .handover ? "asked to lock had" : "detection", phases.map(\.detection)),
                ("fencing", phases.compactMap(\.fencing)),
                ("resumption", phases.map(\.resumption)),
                ("to first packet", phases.compactMap(\.firstPacket)),
                ("to first packets, both ways", phases.compactMap(\.bothWays)),
                ("gap seen by a guest", records.map(\.gap)),
                ("longest way of a packet", records.map(\.delay)),
                (
                    "to a new shadow",
                    records.compactMap { record in
                        record.standingAt.map { $0 - record.injectedAt }
                    }
                ),
            ]
            for (name, values) in steps where !values.isEmpty {
                rows.append(row("\(kind): \(name)", values) + [aim(of: name, after: kind)])
            }
        }
        if result.latencies.totalCount > 0 {
            rows.append(row("requests over the whole run", result.latencies))
        }
        return TextTable.text(rows)
    }

    private static func aim(of step: String, after kind: FaultClass) -> String {
        switch (kind, step) {
        case (.kill, "to first packet"), (.kill, "to first packets, both ways"):
            "p50 0.25, p99 2"
        case (.stop, "to first packet"), (.stop, "to first packets, both ways"),
            (.hang, "to first packet"), (.hang, "to first packets, both ways"):
            "p99 30"
        case (.handover, "gap seen by a guest"): "p99 0.5"
        default: ""
        }
    }

    /// What processes held, and what traffic there was.
    static func totals(_ result: ChaosResult) -> String {
        var lines: [String] = []
        for (name, then) in result.before {
            guard let now = result.after.first(where: { $0.name == name })?.use else { continue }
            lines.append(
                "\(name): descriptors=\(then.descriptors)→\(now.descriptors) "
                    + "private_kib=\(then.memory)→\(now.memory)")
        }
        for isTransmit in [true, false] {
            let flows = result.flows.filter { $0.isTransmit == isTransmit }
            lines.append(
                "udp \(isTransmit ? "from" : "to") guests: "
                    + "sent=\(flows.reduce(0) { $0 + $1.sent }) "
                    + "received=\(flows.reduce(0) { $0 + $1.received }) "
                    + "sender_full=\(flows.reduce(0) { $0 + $1.refused }) "
                    + "receiver_dropped=\(flows.reduce(0) { $0 + $1.dropped })")
        }
        lines.append("turns that the sender was late for: \(result.skippedTurns)")
        return lines.joined(separator: "\n")
    }

    private static func row(_ name: String, _ values: [UInt64]) -> [String] {
        var histogram = Histogram<UInt64>(
            highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)
        for value in values { _ = histogram.record(value) }
        return row(name, histogram)
    }

    private static func row(_ name: String, _ histogram: Histogram<UInt64>) -> [String] {
        let cells = [50.0, 90, 99].map { milliseconds(histogram.valueAtPercentile($0)) }
        return [name, "\(histogram.totalCount)"] + cells + [milliseconds(histogram.max)]
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> String {
        let micros = (nanoseconds + 500) / 1000
        let rest = "\(micros % 1000)"
        return "\(micros / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
