// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc

/// `ringctl`: looks, and changes nothing but by `kick`.
@main
struct Ringctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ringctl",
        abstract: "Look at vifs, into their rings, and into the pair that serves them.",
        discussion: """
            A vif is a guest's network interface. Its two ends meet in xenstore and in shared
            pages, two for each queue. ringctl works beside any backend; of this project's it also
            reads the journal, heartbeats and events, from shared memory, when the backend hangs
            or is dead too.

            In the driver domain, as root:     ringctl list; ringctl dump vif3.0 --slots
            In dom0, at any guest:             ringctl list; ringctl dump g1/0
            In dom0, at our driver domain:     ringctl events --via netdd
            On an emulated machine:            ringctl list --hypervisor emulated:/run/emuxen/dom1
            At a crash report:                 ringctl check --report DIR

            Nothing is ever written, neither to xenstore nor to a page; `kick` alone makes
            something happen, and asks first. A page is mapped for as long as it takes to copy it.

            Exit codes: 0 all was shown, and nothing is wrong; 1 something is missing, broken or
            refused, and the last line says what; 64 the command line is wrong.
            """,
        version: "0.2.0",
        subcommands: [
            ListCommand.self, DumpCommand.self, WatchCommand.self, CheckCommand.self,
            CaptureCommand.self, JournalCommand.self, EventsCommand.self, KickCommand.self,
            ExplainCommand.self, MetricsCommand.self, ReportsCommand.self,
        ])

    static func main() {
        // A reader that goes away ends us quietly, as it ends any other filter.
        signal(SIGPIPE, SIG_DFL)
        main(nil)
    }
}
