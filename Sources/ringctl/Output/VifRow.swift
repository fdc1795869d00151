// SPDX-License-Identifier: Apache-2.0
import NetBack

/// A vif as one line says it.
struct VifRow {
    let look: VifLook
    /// Nil where there was no earlier look.
    let rates: Rates?
    let findings: [Finding]
    /// Who serves it and since when; nil where that is not known.
    let server: String?

    init(_ look: VifLook, since before: VifLook?, seconds: Double, _ subject: Subject) {
        self.look = look
        rates =
            before == nil || seconds <= 0
            ? nil : Rates(from: before, to: look, seconds: seconds)
        let standstills = before.map { RingRules.standstills(from: $0, to: look) } ?? []
        findings = RingRules.findings(of: look) + (seconds >= 0.1 ? standstills : [])
        server = Self.server(of: look, subject)
    }

    private static func server(of look: VifLook, _ subject: Subject) -> String? {
        if let backend = look.nodes?.backend { return "domain \(backend)" }
        guard let worker = look.queues.first?.transmit.journal?.worker, let image = subject.image,
            worker < image.view.layout.workers
        else { return nil }
        let page = image.view.journal.worker(worker)
        let now = subject.now
        let age = now > page.servesSince ? now - page.servesSince : 0
        return "process \(page.owner.process) for \(Duration.text(nanoseconds: age))"
    }

    /// `ok`, or the names of the rules that do not hold.
    var health: String {
        let rules = findings.map(\.rule.rawValue).filter { $0 != "not-connected" }
        guard !rules.isEmpty else { return findings.isEmpty ? "ok" : "-" }
        var names: [String] = []
        for rule in rules where !names.contains(rule) { names.append(rule) }
        return names.joined(separator: ",")
    }

    /// All of them, below their headings.
    static func table(_ rows: [VifRow]) -> TextTable {
        var table = TextTable([
            "VIF", "GUEST", "BACKEND", "FRONTEND", "BRIDGE", "QUEUES", "TX/S", "RX/S", "WAIT",
            "FREE", "HEALTH", "SERVED BY", "ERROR",
        ])
        for row in rows {
            let (nodes, rates) = (row.look.nodes, row.rates)
            table.append([
                "\(row.look.vif)", nodes?.name, VifNodes.stateName(nodes?.backendState),
                VifNodes.stateName(nodes?.frontendState), nodes?.bridge,
                nodes?.queueCount ?? "\(max(1, row.look.queues.count))",
                rates.map { Rates.text(packets: $0.transmitPackets, slots: $0.transmitSlots) },
                rates.map { Rates.text(packets: $0.receivePackets, slots: $0.receiveSlots) },
                rates.map { "\($0.waiting)" }, rates.map { "\($0.buffers)" }, row.health,
                row.server, nodes?.error,
            ])
        }
        return table
    }
}
