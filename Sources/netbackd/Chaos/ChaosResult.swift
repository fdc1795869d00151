// SPDX-License-Identifier: Apache-2.0
import Histogram

/// What a chaos run found, and whether that is good.
struct ChaosResult {
    /// What private memory may grow by, in KiB: what a young process has not touched yet, which is
    /// 2 MiB and does not grow further.
    private static var memoryAllowance: Int { 4096 }

    var records: [FaultRecord]
    var unprovoked: [String]
    var complaints: [String] = []
    var flows: [FlowResult] = []
    var latencies = Histogram<UInt64>(
        highestTrackableValue: 20_000_000_000, numberOfSignificantValueDigits: .three)
    var skippedTurns: UInt64 = 0
    var leftovers: [String] = []
    /// Anomalies before the first fault.
    var early: [SequenceCheck.Anomaly] = []
    var before: [(name: String, use: ProcessUse)] = []
    var after: [(name: String, use: ProcessUse)] = []

    init(records: [FaultRecord], unprovoked: [String]) {
        self.records = records
        self.unprovoked = unprovoked
    }

    /// Gives each anomaly to the last fault before it.
    mutating func attribute() {
        for flow in flows {
            for anomaly in flow.anomalies {
                if let place = records.lastIndex(where: { $0.injectedAt <= anomaly.at }) {
                    records[place].add(anomaly, isTransmit: flow.isTransmit)
                } else {
                    early.append(anomaly)
                }
            }
        }
    }

    /// Everything that must not be.
    func failures() -> [String] {
        var found = complaints
        found += unprovoked.map { "without a fault: \($0)" }
        found += leftovers.map { "left behind: \($0)" }
        if !early.isEmpty { found.append("\(early.count) packets lost or odd before any fault") }
        for (number, record) in records.enumerated() {
            found += failures(of: record).map {
                "fault \(number + 1) (\(record.fault.kind) \(record.fault.way)): \($0)"
            }
        }
        for (name, use) in after {
            guard let then = before.first(where: { $0.name == name })?.use else { continue }
            if use.descriptors > then.descriptors {
                found.append("descriptors of \(name): \(then.descriptors) → \(use.descriptors)")
            }
            if use.memory > then.memory + Self.memoryAllowance {
                found.append("memory of \(name): \(then.memory) → \(use.memory) KiB")
            }
        }
        return found
    }

    private func failures(of record: FaultRecord) -> [String] {
        var found: [String] = []
        if record.isMissing { found.append("no takeover, or no new shadow") }
        if record.falseTakeovers > 0 {
            found.append("\(record.falseTakeovers) false takeovers: \(record.news.givenUp)")
        }
        if record.fault.kind == .handover {
            found += record.news.ends.filter { $0 != "exit code 0" }.map {
                "the old primary ended by itself: \($0)"
            }
        }
        if record.tcp.resets > 0 { found.append("\(record.tcp.resets) TCP resets") }
        let kinds: [(SequenceCheck.Anomaly.Kind, Int)] = [
            (.lost, 0), (.reordered, 0), (.damaged, 0),
            // The packet that was on its way when its carrier died.
            (.duplicated, record.fault.kind.isTakeover ? 1 : 0),
        ]
        for (kind, allowed) in kinds {
            let count = record.count(kind)
            if count.transmit > allowed || count.receive > allowed {
                found.append("\(count.transmit) from and \(count.receive) to guests \(kind)")
            }
        }
        return found + record.news.complaints
    }
}
