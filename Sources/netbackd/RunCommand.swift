// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc
import Logging

/// `netbackd run`: serves every vif that the toolstack gives this domain.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serve the vifs of this domain until told to stop.",
        discussion: """
            Finds vifs below backend/vif in xenstore, connects each to a bridge of this domain and
            moves packets. A vif goes to the bridge that the toolstack names in its `bridge` node,
            otherwise to the one given here.

            Under Xen, as root in the driver domain; refused while xen-netback is loaded there:
              netbackd run --bridge xenbr0
            On an emulated machine, as the domain whose folder is given:
              netbackd run --hypervisor emulated:/run/emuxen/dom1 --bridge xenbr0 --create-bridge

            Signals: SIGTERM and SIGINT close every vif properly, then end. SIGHUP reads the
            configuration file again; connections made from then on use it. SIGUSR1 logs every
            queue's counters.

            With --detach-at-exit the end is an upgrade: SIGTERM and SIGINT leave every guest
            connected and change nothing in xenstore. The guests' packets wait until netbackd is
            started again, which goes on where this one stopped. A bridge that --create-bridge
            made stays as long as a vif is left, and belongs to whoever made it no more: remove
            it with `ip link delete`.

            Ends within 12 seconds of SIGTERM whatever hangs, and without xenstore at once, with the
            guests left connected; then the exit code is 1.

            Exit codes: 0 ended by a signal, all vifs closed or left connected as asked;
            1 something needed is missing or failed, the last line says what and what to do;
            64 the command line is wrong.
            """)

    @OptionGroup var settings: Settings

    @Flag(help: "Log more.")
    var verbose = false

    @Option(help: "A descriptor to which a line is written when vifs are served.")
    var readyFD: Int32?

    mutating func run() throws {
        let logger = Logger.netbackd(level: verbose ? .debug : .info)
        let settings = settings
        let options = try settings.resolved()
        try Service(options, logger: logger).run(whenServing: announce) {
            do {
                return try settings.resolved()
            } catch {
                logger.error("not reloaded: \(error)")
                return options
            }
        }
    }

    private func announce() {
        guard let readyFD else { return }
        _ = unsafe "ready\n".withCString { unsafe write(readyFD, $0, 6) }
        close(readyFD)
    }
}
