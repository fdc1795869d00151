// SPDX-License-Identifier: Apache-2.0
import NetBack

/// One takeover, put together from the events that it left: how long each phase took.
struct TakeoverStory: Equatable {
    /// When the first lock was had, in nanoseconds of the monotonic clock.
    var lockedAt: UInt64
    /// What ended the predecessor: why it was given up, that it handed over, or how it ended.
    var cause: String?
    /// From when it was last seen alive until it was given up; nil for a death, which needs no
    /// detection.
    var detection: UInt64?
    /// From there until the last lock was had.
    var fencing: UInt64
    /// From there until every half could be served.
    var resumption: UInt64
    /// From there until the last worker carried a packet; nil while one has not.
    var firstPackets: UInt64?
    var workers: Int

    /// The takeovers among events in their order. Events of one takeover are those of one
    /// process's workers.
    static func stories(in events: [PairEvent]) -> [TakeoverStory] {
        var stories: [TakeoverStory] = []
        var processes: [UInt32] = []
        for event in events where event.kind == .tookOver {
            if !processes.contains(event.process) { processes.append(event.process) }
        }
        for process in processes {
            let own = events.filter { $0.process == process && $0.kind == .tookOver }
            guard let first = own.map(\.begin).min(), let locked = own.map(\.begin).max(),
                let ready = own.map(\.end).max()
            else { continue }
            // The last word on the predecessor before the locks were had; its end is told late.
            let before = events.last {
                ($0.kind == .givenUp || $0.kind == .handover) && $0.nanoseconds <= first
                    && first - $0.nanoseconds < 3_000_000_000
            }
            let end = events.first {
                $0.kind == .ended && $0.count == 1
                    && ($0.nanoseconds >= first || first - $0.nanoseconds <= 1_000_000_000)
            }
            let packets = events.filter { $0.kind == .firstPacket && $0.process == process }
            let last = packets.map(\.begin).max()
            var detection: UInt64?
            if let before, before.kind == .givenUp, before.nanoseconds >= before.begin {
                detection = before.nanoseconds - before.begin
            }
            let cause = before.map { $0.kind == .handover ? "handover" : $0.text }
            stories.append(
                TakeoverStory(
                    lockedAt: first, cause: cause ?? end?.text, detection: detection,
                    fencing: locked - min(locked, before?.nanoseconds ?? first),
                    resumption: ready - min(ready, locked),
                    firstPackets: packets.count < own.count
                        ? nil : last.map { $0 - min($0, ready) },
                    workers: own.count))
        }
        return stories
    }

    /// As a person reads it.
    var line: String {
        let found = detection.map { "found after \(Duration.text(nanoseconds: $0)), " } ?? ""
        let packets =
            firstPackets.map { "first packets \(Duration.text(nanoseconds: $0)) later" }
            ?? "not every worker has carried a packet since"
        return "takeover by \(workers) workers (\(TextTable.printable(cause ?? "unknown"))): "
            + "\(found)locks had within \(Duration.text(nanoseconds: fencing)), served after "
            + "\(Duration.text(nanoseconds: resumption)) more, \(packets)"
    }
}
