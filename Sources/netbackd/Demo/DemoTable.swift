// SPDX-License-Identifier: Apache-2.0

/// One line of a demo's result.
struct DemoRow {
    /// What ran.
    var what: String
    /// Throughput or latency, with its unit.
    var result: String
    /// Packets, datagrams or requests lost; a dash where the program cannot tell.
    var lost = "-"
    /// Packets that came twice.
    var duplicated = "-"
    /// TCP segments sent again.
    var retransmitted = "-"
    /// The states of the vifs afterwards: backend/frontend, 4 is Connected.
    var states = ""
    /// False fails the demo.
    var isGood = true
}

/// Lines up rows under their titles.
enum DemoTable {
    static func text(_ rows: [DemoRow]) -> String {
        let titles = ["what ran", "result", "lost", "dup", "retrans", "vif state", ""]
        let cells =
            [titles]
            + rows.map {
                [
                    $0.what, $0.result, $0.lost, $0.duplicated, $0.retransmitted, $0.states,
                    $0.isGood ? "ok" : "FAILED",
                ]
            }
        return TextTable.text(cells)
    }
}
