// SPDX-License-Identifier: Apache-2.0
import DriverDomain

/// The kernel's TCP counters of some network namespaces, added up.
struct TCPCounters: Sendable {
    /// Segments sent again, probes for lost tails among them.
    var retransmitted: UInt64 = 0
    /// Connections that a reset ended, and resets sent.
    var resets: UInt64 = 0

    /// Reads the calling thread's namespace.
    mutating func addCurrent() {
        guard let lines = try? SystemFile.lines(of: "/proc/thread-self/net/snmp") else { return }
        let rows = lines.filter { $0.hasPrefix("Tcp:") }.map { $0.split(separator: " ") }
        guard rows.count == 2 else { return }
        for (title, value) in zip(rows[0], rows[1]) {
            switch title {
            case "RetransSegs": retransmitted += UInt64(value) ?? 0
            case "EstabResets", "OutRsts": resets += UInt64(value) ?? 0
            default: break
            }
        }
    }
}
