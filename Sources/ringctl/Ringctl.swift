// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `ringctl`: looks, and changes nothing.
@main
struct Ringctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ringctl",
        abstract: "Look at the vifs of a driver domain and into their rings.",
        discussion: """
            A vif is a guest's network interface. Its two ends meet in xenstore (`list` shows what
            stands there) and in shared pages, two for each queue (`dump` shows what is in them).
            It works beside any backend, netbackd or another, and needs nothing from it.

            Under Xen, as root in the driver domain:
              ringctl list
              ringctl dump vif3.0 --slots
            On an emulated machine, as the domain whose folder is given:
              ringctl list --hypervisor emulated:/run/emuxen/dom1

            Nothing is ever written, neither to xenstore nor to a page. A page is mapped for as
            long as it takes to copy it; to the guest the grant is in use for that moment.

            Exit codes: 0 all was shown; 1 something is missing, broken or refused, and the last
            line says what; 64 the command line is wrong.
            """,
        version: "0.1.0",
        subcommands: [ListCommand.self, DumpCommand.self])
}
