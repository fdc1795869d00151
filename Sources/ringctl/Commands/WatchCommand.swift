// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc
import Platform

/// `ringctl watch`: everything, as it moves.
struct WatchCommand: ParsableCommand {
    /// States and names are read from the store once a second, in nanoseconds.
    private static var storeAge: UInt64 { 1_000_000_000 }

    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Watch rates, fill, stalls, beats and takeovers on the whole screen.",
        discussion: """
            On a terminal: q quits, p pauses, s sorts by the next column, arrows choose a vif,
            enter looks into it, esc goes back. In a pipe, and with --count, the table is printed
            again and again, without colours.
            """)

    @Option(help: "Milliseconds between two looks.")
    var interval: UInt32 = 1000

    @Option(help: "End after so many looks.")
    var count: UInt32?

    @OptionGroup var options: SubjectOptions

    func validate() throws {
        guard (20...60_000).contains(interval) else {
            throw ValidationError("--interval is from 20 to 60000 ms")
        }
    }

    func run() throws {
        let subject = try options.open()
        if Terminal.isThere, count == nil {
            try watchOnScreen(subject)
        } else {
            try watchInPipe(subject)
        }
    }

    private func rows(
        _ subject: Subject, since before: [VifLook], seconds: Double
    ) throws -> [VifRow] {
        try subject.refresh()
        return try subject.vifs(rings: true, storeAge: Self.storeAge).map { look in
            let old = before.first {
                $0.vif == look.vif && $0.nodes?.backend == look.nodes?.backend
            }
            return VifRow(look, since: old, seconds: seconds, subject)
        }
    }

    private func watchInPipe(_ subject: Subject) throws {
        var before = try subject.vifs(rings: true)
        var last = Instant.now
        var number: UInt32 = 0
        while count.map({ number < $0 }) ?? true {
            usleep(interval * 1000)
            let now = Instant.now
            let seconds = Double(now.nanoseconds(since: last)) / 1e9
            let rows = try rows(subject, since: before, seconds: seconds)
            (before, last) = (rows.map(\.look), now)
            for line in WatchScreen(subject, rows).lines(WatchState(), width: 300, height: 10_000)
                .dropLast()
            { print(line) }
            print("")
            fflush(nil)
            number += 1
        }
    }

    private func watchOnScreen(_ subject: Subject) throws {
        let terminal = Terminal()
        var state = WatchState()
        var before = try subject.vifs(rings: true)
        var last = Instant.now
        var screen = WatchScreen(
            subject, before.map { VifRow($0, since: nil, seconds: 0, subject) })
        while !state.isEnding {
            let size = terminal.size
            terminal.show(screen.lines(state, width: size.width, height: size.height))
            let keys = terminal.keys(milliseconds: Int32(interval))
            for key in keys { state.press(key, count: screen.rows.count) }
            let now = Instant.now
            let elapsed = now.nanoseconds(since: last)
            // A key shows at once what it changes, and looks only when it is time to.
            guard !state.isPaused, elapsed >= UInt64(interval) * 1_000_000 else { continue }
            let rows = try rows(subject, since: before, seconds: Double(elapsed) / 1e9)
            (before, last) = (rows.map(\.look), now)
            screen = WatchScreen(subject, rows)
        }
    }
}
