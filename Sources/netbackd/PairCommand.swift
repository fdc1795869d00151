// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc
import Heartbeat
import Logging

/// The flags of a pair beside those of `netbackd run`.
struct PairFlags: ParsableArguments {
    @OptionGroup var settings: Settings

    @Option(
        help: ArgumentHelp(
            "How the shadow decides that the primary is dead: adaptive, or fixed:MS.",
            discussion: "A primary that has nothing to do is never missed."))
    var detect = "adaptive"

    @Flag(
        help: ArgumentHelp(
            "Take wishes for faults from the store's node data/netdd/fault, to test the pair.",
            discussion: "Whoever may write that node, as dom0 may, can then end the primary."))
    var faultInjection = false

    @Option(
        help: ArgumentHelp(
            "Serve metrics for Prometheus at http://ADDRESS:PORT/metrics.",
            discussion: "To whoever reaches that address: there is no password.",
            valueName: "address:port"))
    var metrics: String?

    @Option(
        help: ArgumentHelp(
            "Where the memory and the rings are kept when a primary died; \"\" for nowhere.",
            discussion: "The last 8 deaths, 64 MiB at most.", valueName: "dir"))
    var crashReports = "/var/lib/netbackd/crash"

    @Option(
        help: ArgumentHelp(
            "Milliseconds at most before a member is started anew, however often members end.",
            discussion: "Nobody takes over in that time. At least 100; long pauses spare the host.",
            valueName: "ms"))
    var longestRestartPause = RestartPolicy.usualLongestPause

    @Flag(help: "Log more.")
    var verbose = false

    /// What the members are told.
    func options(arguments: [String]) throws -> PairOptions {
        var pair = PairOptions(memberArguments: arguments)
        do throws(DetectionModeError) {
            pair.detection = try DetectionMode(parsing: detect)
        } catch {
            throw Complaint("--detect \(detect): \(error)", remedy: "give adaptive or fixed:MS")
        }
        pair.allowsFaults = faultInjection
        guard (100...600_000).contains(longestRestartPause) else {
            throw Complaint(
                "--longest-restart-pause \(longestRestartPause) is out of range",
                remedy: "give 100 to 600000 milliseconds")
        }
        pair.longestRestartPause = longestRestartPause
        pair.metricsAddress = metrics
        pair.crashFolder = crashReports.isEmpty ? nil : crashReports
        return pair
    }
}

/// `netbackd pair`: a primary serves, and a shadow takes over when it must.
struct PairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pair",
        abstract: "Serve the vifs of this domain by a primary and a shadow.",
        discussion: """
            The primary does what `netbackd run` does. The shadow holds the same rings, notices
            when the primary dies, hangs or stalls, ends it if need be, and serves on where it left
            off; guests see nothing of it. A new shadow is started then.

            Signals to this process: SIGTERM and SIGINT close every vif properly, then end (with
            --detach-at-exit they leave guests connected). SIGUSR2 lets the shadow take over on
            purpose. SIGHUP and SIGUSR1 do what they do for `netbackd run`.

            --handover takes the place of a pair that runs, without a pause for guests: start the
            new version of the program with it, and the old one ends. It is refused, and nothing is
            touched, if the two versions keep different journals.

            Exit codes: 0 ended by a signal or handed over; 1 something needed is missing or
            failed; 9 the primary hangs in the kernel and cannot be killed: restart the domain;
            64 the command line is wrong.
            """)

    @OptionGroup var flags: PairFlags

    @Flag(help: "Take over the pair that serves this domain, if one does.")
    var handover = false

    @Option(help: "A descriptor to which a line is written when vifs are served.")
    var readyFD: Int32?

    mutating func run() throws {
        let logger = Logger.netbackd(level: flags.verbose ? .debug : .info)
        let options = try flags.settings.resolved()
        var pair = try flags.options(arguments: memberArguments())
        pair.takesOver = handover
        let readyFD = readyFD
        let code = try Pair(options, pair, logger: logger).run {
            guard let readyFD else { return }
            _ = unsafe "ready\n".withCString { unsafe write(readyFD, $0, 6) }
            close(readyFD)
        }
        if code != 0 { throw ExitCode(code) }
    }

    /// This command line as a member's: the same flags, less those that are the parent's.
    private func memberArguments() -> [String] {
        var arguments: [String] = []
        var skipsNext = false
        for (position, word) in CommandLine.arguments.enumerated() {
            if skipsNext {
                skipsNext = false
            } else if word == "--handover" || word.hasPrefix("--ready-fd=") {
                continue
            } else if word == "--ready-fd" {
                skipsNext = true
            } else {
                arguments.append(position == 1 ? "member" : word)
            }
        }
        return arguments
    }
}

/// `netbackd member`: one of the two processes of a pair, started by its parent.
struct MemberCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "member", abstract: "One of the processes of a pair.", shouldDisplay: false)

    @OptionGroup var flags: PairFlags

    mutating func run() throws {
        let logger = Logger.netbackd(level: flags.verbose ? .debug : .info)
        let settings = flags.settings
        let options = try settings.resolved()
        try PairMember(options, flags.options(arguments: []), logger: logger).run {
            do {
                return try settings.resolved()
            } catch {
                logger.error("not reloaded: \(error)")
                return options
            }
        }
    }
}
