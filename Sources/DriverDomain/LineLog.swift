// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Heartbeat
public import Logging
import NetBack
import Platform

/// Logs to standard error, one line each: `vif=vif1.0 level=info msg="…" key=value …`, the vif
/// first where there is one.
struct LineLogHandler: LogHandler {
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.info
    /// Where the last lines are kept for whoever asks later, if there is such a place.
    var region: StateRegion?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let more = event.metadata { fields.merge(more) { _, new in new } }
        var line = ""
        if let vif = fields.removeValue(forKey: "vif") { line = "vif=\(vif) " }
        line += "level=\(event.level) msg=\(Self.quoted("\(event.message)"))"
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(Self.quoted("\(value)"))"
        }
        region?.view.log.append(line)
        line += "\n"
        // One write for each line: lines of several threads and processes do not mix.
        let bytes = Array(line.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
    }

    /// A value as it stands after `key=`: in quotes when it has a space, and always on one line.
    static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
        guard !isPlain else { return text }
        var quoted = "\""
        for character in text.unicodeScalars {
            switch character {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            // Controls, those of eight bits too: guests write text that ends up here, and a
            // terminal obeys it.
            case _ where character.value < 0x20 || (0x7F...0x9F).contains(character.value):
                quoted += " "
            default: quoted.unicodeScalars.append(character)
            }
        }
        return quoted + "\""
    }
}

extension Logger {
    /// The daemon's logger.
    public static func netbackd(level: Logger.Level) -> Logger {
        var logger = Logger(label: "netbackd") { _ in LineLogHandler() }
        logger.logLevel = level
        return logger
    }

    /// The same logger, whose lines are kept in a region too.
    func keepingTail(in region: StateRegion) -> Logger {
        var logger = Logger(label: label) { _ in LineLogHandler(region: region) }
        logger.logLevel = logLevel
        if let handler = handler as? LineLogHandler {
            for (key, value) in handler.metadata { logger[metadataKey: key] = value }
        }
        return logger
    }

    /// Says something about a vif, or about none in particular.
    func report(_ level: ReportLevel, _ vif: VifID?, _ message: String) {
        let swiftLevel: Logger.Level =
            switch level {
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        log(level: swiftLevel, "\(message)", metadata: vif.map { ["vif": "\($0)"] })
    }

    /// Tells a queue's counters, zeroes left out.
    func report(_ id: QueueID, _ statistics: QueueStatistics, isFinal: Bool) {
        var fields: Logger.Metadata = ["vif": "\(id.vif)", "queue": "\(id.index)"]
        for (name, value) in statistics.named where value > 0 { fields[name] = "\(value)" }
        info(isFinal ? "counters at close" : "counters", metadata: fields)
    }

    /// Tells when a worker that took over carried its first packet.
    func reportFirstPacket(ofWorker worker: Int, at instant: Instant) {
        info(
            "first packet",
            metadata: ["worker": "\(worker)", "first_packet_ns": "\(instant.nanoseconds)"])
    }

    /// Tells how a worker came to serve.
    func report(_ start: WorkerStart) {
        guard start.found.halfCount > 0 || start.epoch.rawValue > 1 else { return }
        var fields: Logger.Metadata = [
            "worker": "\(start.worker)", "epoch": "\(start.epoch)",
            "halves": "\(start.found.halfCount)", "locked_ns": "\(start.lockedAt.nanoseconds)",
            "ready_ns": "\(start.doneAt.nanoseconds)",
        ]
        if let half = start.found.unfinished {
            fields["unfinished"] = "\(half.direction) of page \(half.slot)"
            fields["sent_before"] = "\(start.found.framesSentBefore)"
            fields["recovered"] = "\(start.found.framesRecovered)"
        }
        info("took over", metadata: fields)
        for (half, fault) in start.found.faults {
            warning(
                "what was left of the journal is answered with errors: \(fault)",
                metadata: ["half": "\(half.direction) of page \(half.slot)"])
        }
        if let (half, deaths) = start.found.isolated {
            error(
                "served no more: backends died at the same request",
                metadata: [
                    "half": "\(half.direction) of page \(half.slot)", "deaths": "\(deaths)",
                ])
        }
    }
}
