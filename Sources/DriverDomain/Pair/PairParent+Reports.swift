// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Logging
import NetBack
import Platform
import XenPlatform

// Keeps what is left of a primary that died.
extension PairParent {
    /// Writes a report of a member's death, and says where.
    func report(deathOf pid: Int32, _ cause: String) {
        guard let reports else { return }
        let report = CrashReport(pid: pid, cause: cause, role: "primary")
        do throws(Complaint) {
            let name = try write(report, to: reports)
            estate.region.note(.reported) {
                $0.process = UInt32(bitPattern: pid)
                $0.text = name
            }
            logger.info("crash report", metadata: ["path": "\(reports.root)/\(name)"])
        } catch {
            logger.warning("no crash report: \(error)", metadata: ["member": "\(pid)"])
        }
    }

    private func write(
        _ report: CrashReport, to reports: CrashReportFolder
    ) throws(Complaint) -> String {
        switch choice {
        case .xen:
            if var hypervisor = try? XenHypervisor() {
                return try write(report, to: reports, through: &hypervisor)
            }
        case .emulated(let socket):
            if var hypervisor = try? EmulatedHypervisor(socket: socket) {
                return try write(report, to: reports, through: &hypervisor)
            }
        }
        return try reports.write(report, of: estate.region) { _, _ in nil }
    }

    /// One handle for all rings: a pair may have a thousand of them.
    private func write<H: Hypervisor & ~Copyable>(
        _ report: CrashReport, to reports: CrashReportFolder, through hypervisor: inout H
    ) throws(Complaint) -> String {
        try reports.write(report, of: estate.region) { reference, domain in
            // A guest that is gone has no rings any more.
            try? RingCopy.bytes(of: reference, from: domain, through: &hypervisor)
        }
    }
}
