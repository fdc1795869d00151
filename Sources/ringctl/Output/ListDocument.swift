// SPDX-License-Identifier: Apache-2.0
import Platform

/// What `ringctl list --json` says.
struct ListDocument: Encodable {
    var schema = "ringctl.list/1"
    var vifs: [Vif]

    struct Vif: Encodable {
        var vif: String
        var guest: String?
        var backendState: String?
        var frontendState: String?
        var bridge: String?
        var mac: String?
        var queues: Int
        var error: String?
        var backendDomain: UInt16?
        var txPacketsPerSecond: Double?
        var rxPacketsPerSecond: Double?
        var txSlotsPerSecond: Double?
        var rxSlotsPerSecond: Double?
        var findings: [String]
        var servedBy: String?
    }

    init(_ rows: [VifRow]) {
        vifs = rows.map { row in
            Vif(
                vif: "\(row.look.vif)", guest: row.look.nodes?.name,
                backendState: row.look.nodes?.backendState,
                frontendState: row.look.nodes?.frontendState, bridge: row.look.nodes?.bridge,
                mac: row.look.nodes?.mac, queues: row.look.queues.count,
                error: row.look.nodes?.error, backendDomain: row.look.nodes?.backend?.rawValue,
                txPacketsPerSecond: row.rates?.transmitPackets,
                rxPacketsPerSecond: row.rates?.receivePackets,
                txSlotsPerSecond: row.rates?.transmitSlots,
                rxSlotsPerSecond: row.rates?.receiveSlots,
                findings: row.findings.map(\.rule.rawValue), servedBy: row.server)
        }
    }
}
