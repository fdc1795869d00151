// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Glibc
import NetBack
import Platform
import SharedMemory
import Synchronization
import XenPlatform

/// What a pair tells an inspector who asks: one line for a question, `ok LENGTH` and so many bytes
/// for an answer, or `error TEXT`.
///
/// | question | answer |
/// |---|---|
/// | `state` | the memory that an inspector may see, as it is |
/// | `about` | lines `key=value`: whose it is, and what the clocks show |
/// | `log` | the last lines that were logged |
/// | `ring-SLOT-tx`, `ring-SLOT-rx` | a copy of a ring's page |
/// | `metrics` | figures in Prometheus's text format |
/// | `reports` | names of crash reports, one on each line |
/// | `reports/NAME/FILE` | a file of one |
/// | `kick SLOT` | nothing: the queue is looked at as if its guest had notified |
///
/// Everything but `kick` reads.
final class InspectionService: Sendable {
    /// A question is no longer than this, in bytes.
    static let questionMax = 256

    private let region: StateRegion
    private let choice: HypervisorChoice
    private let reports: String?
    /// Queues to be looked at, for the pair's parent.
    let kicks: Mailbox<UInt32>
    /// What is counted from one question to the next.
    private let figures = Mutex(Metrics())

    init(
        of region: StateRegion, on choice: HypervisorChoice, reports: String?,
        kicks: Mailbox<UInt32>
    ) {
        self.region = region
        self.choice = choice
        self.reports = reports
        self.kicks = kicks
    }

    /// The whole answer to a question, its first line included.
    func answer(_ question: String) -> [UInt8] {
        switch question {
        case "state": return Self.framed(region.inspectedBytes)
        case "about": return Self.framed(Array(about.utf8))
        case "log": return Self.framed(Array(region.view.log.lines.joined(separator: "\n").utf8))
        case "metrics": return Self.framed(Array(metrics.utf8))
        case "reports": return Self.framed(Array(reportNames.utf8))
        default: break
        }
        if question.hasPrefix("ring-") { return ring(question) }
        if question.hasPrefix("kick ") { return kick(question) }
        if question.hasPrefix("reports/") { return report(question) }
        return Self.refused("\(question.prefix(32)) is not known")
    }

    static func framed(_ bytes: [UInt8]) -> [UInt8] {
        Array("ok \(bytes.count)\n".utf8) + bytes
    }

    static func refused(_ text: String) -> [UInt8] {
        let line = text.unicodeScalars.map { $0.value < 0x20 ? " " : "\($0)" }.joined()
        return Array("error \(line)\n".utf8)
    }

    private var about: String {
        var text = "format=1\njournal=\(JournalLayout.version)\npid=\(getpid())\n"
        text += "domain=\(choice.identity)\ntime=\(time(nil))\n"
        return text + "monotonic_ns=\(Instant.now.nanoseconds)\n"
    }

    private var metrics: String {
        figures.withLock { metrics in
            metrics.take(from: region.view)
            return metrics.text(of: region.view, at: .now)
        }
    }

    // MARK: rings

    private func ring(_ question: String) -> [UInt8] {
        let parts = question.split(separator: "-")
        guard parts.count == 3, let slot = Int(parts[1]), slot >= 0,
            slot < region.layout.queues, parts[2] == "tx" || parts[2] == "rx",
            let opening = region.journal.queue(slot).opening(slot: slot)
        else { return Self.refused("there is no such ring") }
        let reference =
            parts[2] == "tx"
            ? opening.configuration.transmitRing : opening.configuration.receiveRing
        do throws(PlatformError) {
            return Self.framed(
                try RingCopy.bytes(of: reference, from: opening.id.vif.domain, on: choice))
        } catch {
            return Self.refused("the ring cannot be mapped: \(error)")
        }
    }

    /// The interface of the vif that a page's queue is of.
    func interfaceName(ofSlot slot: Int) -> String? {
        guard slot >= 0, slot < region.layout.queues, region.journal.queue(slot).isUsed else {
            return nil
        }
        return region.journal.queue(slot).interfaceName
    }

    // MARK: kick

    private func kick(_ question: String) -> [UInt8] {
        guard let slot = Int(question.dropFirst(5)), slot >= 0, slot < region.layout.queues,
            region.journal.queue(slot).isUsed
        else { return Self.refused("no queue has that page") }
        kicks.post(UInt32(slot))
        return Self.framed([])
    }

    // MARK: reports

    private var reportNames: String {
        guard let reports, let names = try? SystemFile.names(in: reports) else { return "" }
        return names.joined(separator: "\n")
    }

    private func report(_ question: String) -> [UInt8] {
        let parts = question.split(separator: "/", omittingEmptySubsequences: false)
        // A name that is one component, and no way out of the folder.
        let isPlain = parts.dropFirst().allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") }
        guard let reports, parts.count == 3, isPlain else {
            return Self.refused("there is no such report")
        }
        let path = "\(reports)/\(parts[1])/\(parts[2])"
        guard let bytes = try? SystemFile.bytes(of: path, countMax: 64 << 20) else {
            return Self.refused("there is no such report")
        }
        return Self.framed(bytes)
    }
}
