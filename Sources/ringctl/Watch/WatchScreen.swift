// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import NetBack
import Ring
import SharedMemory

/// What `ringctl watch` shows, as lines of text.
struct WatchScreen {
    var rows: [VifRow]
    /// Findings about the backend as a whole.
    var findings: [Finding]
    /// One line for each worker, empty for backends other than ours.
    var workers: [String]
    /// The latest events, oldest first.
    var events: [String]
    var subject: String
    var time: String
    private static var eventsMax: UInt32 { 8 }

    init(_ subject: Subject, _ rows: [VifRow]) {
        self.rows = rows
        self.subject = subject.name
        let clock = WallClock(of: subject)
        time = clock.text(subject.now)
        findings = BackendRules.findings(of: subject)
        let lines = try? subject.withView { view in
            (
                Self.lines(ofWorkers: view, now: subject.now),
                Self.lines(ofEvents: view.events, clock)
            )
        }
        (workers, events) = lines ?? ([], [])
    }

    private static func lines(ofWorkers view: StateView<MappedWords>, now: UInt64) -> [String] {
        (0..<view.layout.workers).map { number in
            let page = view.journal.worker(number)
            let beat = view.heartbeat?.lastBeat(ofSlot: number)
            let age = beat.map { now > $0.nanoseconds ? now - $0.nanoseconds : 0 }
            let activity = view.heartbeat?.activity(ofSlot: number).map { "\($0)" } ?? "nonsense"
            return "worker \(number)  process \(page.owner.process)  epoch \(page.lease.holder)  "
                + "\(activity)  last beat "
                + (age.map { Duration.text(nanoseconds: $0) } ?? "never") + " ago"
        }
    }

    private static func lines(
        ofEvents log: EventLog<MappedWords>, _ clock: WallClock
    ) -> [String] {
        let shown = RingIndex(log.nextNumber.distance(from: RingIndex(eventsMax)))
        return log.events(since: shown).map { _, event in
            let about = event.subject.map { "\($0): " } ?? ""
            return "\(clock.text(event.nanoseconds))  \(about)\(event.sentence)"
        }
    }

    /// The whole screen, `height` lines of `width` columns at most.
    func lines(_ state: WatchState, width: Int, height: Int) -> [String] {
        var lines = [
            "ringctl watch \(TextTable.printable(subject))  \(time)"
                + (state.isPaused ? "  PAUSED" : "") + "  sorted by \(state.order.rawValue)"
        ]
        let sorted = state.sorted(rows)
        if state.isInside, sorted.indices.contains(state.selection) {
            lines += inside(sorted[state.selection])
        } else {
            let table = VifRow.table(sorted).lines
            lines += table.enumerated().map { number, line in
                number == state.selection + 1 ? "> \(line)" : "  \(line)"
            }
        }
        lines += [""] + workers + findings.map { "! \($0.line)" } + [""] + events
        let keys = "q quit  p pause  s sort  arrows choose  enter look into  esc back"
        let room = max(1, height - 1)
        return lines.prefix(room).map { String($0.prefix(width)) } + [String(keys.prefix(width))]
    }

    private func inside(_ row: VifRow) -> [String] {
        var lines = ["\(row.look.title)  \(row.health)  \(row.server ?? "-")"]
        for queue in row.look.queues {
            lines.append("queue \(queue.index) Tx: \(queue.transmit.failure ?? "")")
            lines += queue.transmit.lines
            lines.append("queue \(queue.index) Rx: \(queue.receive.failure ?? "")")
            lines += queue.receive.lines
        }
        return lines + row.findings.map { "! \($0.line)" }
    }
}
