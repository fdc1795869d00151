// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc
import NetBack
import SharedMemory

/// `ringctl events`: what happened to a backend.
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Show takeovers, faults, isolations and resets: when, why, how long each took.",
        discussion: """
            The last 128 events are kept in the pair's memory. After them come the takeovers among
            them, each with the time of its phases: until the primary was given up (a death needs
            no such time), until every lock was had, until every queue could be served, until
            every worker had carried a packet.
            """)

    @Flag(help: "Show the last lines that were logged, too.")
    var log = false

    @OptionGroup var options: SubjectOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let subject = try options.open()
        try subject.withView { view in try show(view, of: subject) }
    }

    private func show(_ view: StateView<MappedWords>, of subject: Subject) throws {
        let events = view.events.events().map(\.event)
        let stories = TakeoverStory.stories(in: events)
        if output.json {
            try output.print(EventsDocument(events, stories, log: log ? view.log.lines : nil))
            return
        }
        let clock = WallClock(of: subject)
        for event in events {
            let about = event.subject.map { "\($0): " } ?? ""
            print("\(clock.text(event.nanoseconds))  \(about)\(event.sentence)")
        }
        for story in stories { print("\(clock.text(story.lockedAt))  \(story.line)") }
        if log { for line in view.log.lines { print("log: \(TextTable.printable(line))") } }
    }
}
