// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostNetwork
public import Logging
import Platform

/// A driver domain served by a pair: a primary and a shadow that takes over when it must.
public struct Pair {
    private let options: DriverOptions
    private let pair: PairOptions
    private let logger: Logger

    /// The exit code of a pair whose domain must be restarted.
    public static var mustRestartDomain: Int32 { 9 }

    /// Nothing is opened yet.
    public init(_ options: DriverOptions, _ pair: PairOptions, logger: Logger) {
        self.options = options
        self.pair = pair
        self.logger = logger
    }

    /// Serves until a signal asks for the end, or until another pair takes over.
    ///
    /// - Parameter whenServing: called once when vifs are served.
    /// - Returns: the exit code.
    /// - Throws: `Complaint` when something needed is missing or failed.
    public func run(whenServing: @escaping () -> Void) throws -> Int32 {
        let signals = try SignalQueue([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD])
        signal(SIGPIPE, SIG_IGN)
        try Service.checkNeeds(options.hypervisor)
        if pair.takesOver {
            if let predecessor = try PairPredecessor.ask(options.hypervisor) {
                let estate = predecessor.takeEstate()
                return Self.exitCode(
                    try run(estate, signals, following: predecessor, whenServing: whenServing))
            }
            logger.info("no pair runs: starting one")
        }
        let claim = try DomainClaim(options.hypervisor)
        let bridge = try Service.openBridge(options.bridge, creating: options.createsBridge)
        try Service.checkStore(options)
        try Service.checkHypervisor(options.hypervisor)
        let estate = try PairEstate(options, claim: claim)
        let ending = try run(estate, signals, following: nil, whenServing: whenServing)
        // A bridge with guests on it stays: they are left connected, or another pair has them.
        if ending == .ended, try !Self.hasPorts(options.bridge) {
            try? bridge.remove()
        } else {
            bridge.leaveInPlace()
        }
        return Self.exitCode(ending)
    }

    private static func exitCode(_ ending: PairEnding) -> Int32 {
        ending == .mustRestartDomain ? mustRestartDomain : 0
    }

    private func run(
        _ estate: consuming PairEstate, _ signals: consuming SignalQueue,
        following predecessor: consuming PairPredecessor?, whenServing: @escaping () -> Void
    ) throws -> PairEnding {
        let faults = pair.allowsFaults ? try FaultNode(options.hypervisor, logger: logger) : nil
        let logger = logger.keepingTail(in: estate.region)
        let kicks = try Mailbox<UInt32>()
        let service = InspectionService(
            of: estate.region, on: options.hypervisor, reports: pair.crashFolder, kicks: kicks)
        do throws(PlatformError) {
            try InspectionSocket.serve(service, for: options.hypervisor)
            if options.hypervisor == .xen { try InspectionVchan.serve(service, logger: logger) }
        } catch {
            // The packets are what matters.
            logger.warning("nobody can ask this pair by a socket: \(error)")
        }
        let reports = pair.crashFolder.map {
            CrashReportFolder(root: $0, countMax: pair.crashReportsMax)
        }
        if let address = pair.metricsAddress {
            let endpoint = try MetricsEndpoint(
                address: address, region: estate.region, waits: pair.takesOver)
            logger.info(
                "metrics", metadata: ["address": "\(address)", "port": "\(endpoint.port)"])
        }
        var parent = try PairParent(
            estate: estate, following: predecessor, on: options.hypervisor,
            arguments: pair.memberArguments, signals: signals, faults: faults, kicks: kicks,
            reports: reports, policy: RestartPolicy(longestPause: pair.longestRestartPause),
            logger: logger, whenServing: whenServing)
        let ending = try parent.run()
        logger.info("ended", metadata: ["pair": "\(ending)"])
        return ending
    }

    private static func hasPorts(_ bridge: String) throws -> Bool {
        !(try SystemFile.names(in: "/sys/class/net/\(bridge)/brif")).isEmpty
    }
}
