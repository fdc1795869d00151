// SPDX-License-Identifier: Apache-2.0
import NetBack

extension PairEvent {
    /// The kind's name, in logs and documents; a number for one that this program does not know.
    var kindName: String {
        guard let kind else { return "kind \(rawKind)" }
        return switch kind {
        case .started: "started"
        case .memberStarted: "member-started"
        case .standing: "standing"
        case .serving: "serving"
        case .givenUp: "given-up"
        case .ended: "ended"
        case .tookOver: "took-over"
        case .firstPacket: "first-packet"
        case .isolated: "isolated"
        case .journalRefused: "journal-refused"
        case .opened: "opened"
        case .closed: "closed"
        case .disabled: "disabled"
        case .handover: "handover"
        case .stuck: "stuck"
        case .kicked: "kicked"
        case .reported: "reported"
        }
    }

    /// Which half or worker it is about; nil for none.
    var subject: String? {
        var parts: [String] = []
        if let worker { parts.append("worker \(worker)") }
        if let vif {
            let way = direction.map { $0 == .transmit ? " Tx" : " Rx" } ?? ""
            parts.append("\(vif)-q\(queue)\(way)")
        }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    /// What happened, as a sentence.
    var sentence: String {
        let text = TextTable.printable(self.text)
        guard let kind else { return text }
        func span(_ from: UInt64, _ to: UInt64) -> String {
            to >= from ? Duration.text(nanoseconds: to - from) : "?"
        }
        switch kind {
        case .started: return "process \(process) serves \(text)"
        case .memberStarted: return "process \(process) started"
        case .standing: return "process \(process) stands by"
        case .serving: return "process \(process) is the primary"
        case .givenUp: return "given up after \(span(begin, nanoseconds)): \(text)"
        case .ended:
            return "\(count == 1 ? "the primary" : "the shadow") \(process) ended: \(text)"
        case .tookOver:
            let step = vif == nil ? "between steps" : "in a step; \(text)"
            return "process \(process) took over \(count) halves in \(span(begin, end)); "
                + "its predecessor ended \(step)"
        case .firstPacket: return "the first packet since"
        case .isolated: return "served no more: \(count) backends died at the same request"
        case .journalRefused: return "the journal was refused, answered with errors: \(text)"
        case .opened: return "served"
        case .closed: return "closed"
        case .disabled: return "served no more: \(text)"
        case .handover: return "process \(process) hands over on purpose"
        case .stuck: return "the primary cannot be killed: restart the domain"
        case .kicked: return "looked at on request"
        case .reported: return "crash report \(text)"
        }
    }
}
