// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc

/// `netbackd chaos`: a pair under traffic to which everything happens that a pair is for.
struct ChaosCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract:
            "Kill, stop and hang the primary of a pair under traffic, and count what it costs.",
        discussion: """
            Each guest exchanges numbered UDP datagrams, requests and iperf3's TCP with the host
            while faults happen to the pair, one after the other, in an order that the seed alone
            decides. Each is followed by a wait until a new shadow stands by. On the *emulated*
            machine, in namespaces of its own.

            Exit codes: 0 nothing but what is allowed; 1 a vif broke, a TCP connection was reset, a
            packet was lost, reordered or damaged, more than one was duplicated by a fault each way,
            a takeover did not happen or happened without a reason, or something leaks; 130
            interrupted.
            """)

    @Option(help: "SIGKILLs to the primary.")
    var kills = 20

    @Option(help: "SIGSTOPs to the primary.")
    var stops = 5

    @Option(help: "Halves that stall and workers that sleep or spin, in turns.")
    var hangs = 6

    @Option(help: "Planned handovers.")
    var handovers = 5

    @Option(help: "Workers that end their process as a trap does.")
    var crashes = 4

    @Option(help: "Times at which nothing happens, to compare with.")
    var controls = 5

    @Option(help: "Guests with a busy vif.")
    var guests = 2

    @Option(help: "Vifs of further guests that are connected and idle.")
    var idleVifs = 0

    @Option(help: "Decides the order of the faults.")
    var seed: UInt64 = 1

    @Option(help: "Milliseconds, about, between two faults.")
    var intervalMs = 50

    @Option(help: "UDP datagrams a second, for each guest and direction.")
    var rate = 2000

    @Option(help: "Mbit/s of iperf3's TCP, for each guest and direction; 0 for none.")
    var tcp = 100

    @Option(help: "Busy processes for each processor, all the time.")
    var hogs = 0

    @Option(help: "Minutes without a fault at the end, in which no takeover may happen.")
    var minutes = 0.0

    @Option(help: "Keep the pair's log in this file.")
    var log: String?

    @Flag(help: "Have the pair log more.")
    var verbose = false

    @Flag(name: .customLong("inside"), help: .hidden)
    var isInside = false

    func validate() throws {
        guard (1...32).contains(guests), (0...128).contains(idleVifs), (0...64).contains(hogs),
            (1...20_000).contains(rate), (0...10_000).contains(tcp),
            (1...60_000).contains(intervalMs),
            (0...1440).contains(minutes),
            [kills, stops, hangs, handovers, crashes, controls].allSatisfy({ $0 >= 0 })
        else { throw ValidationError("an option is out of range") }
    }

    func run() throws {
        guard isInside else {
            try Programs.check([
                ("unshare", "util-linux"), ("ip", "iproute2"), ("iperf3", "iperf3"),
            ])
            try Sandbox.enter(["chaos", "--inside"] + CommandLine.arguments.dropFirst(2))
        }
        _ = try Sandbox.prepare()
        ChaosLeftovers.prepare()
        do {
            try work()
        } catch is Interrupted {
            print("\ninterrupted: everything is removed")
            throw ExitCode(130)
        }
    }

    private var options: ChaosOptions {
        ChaosOptions(
            mix: FaultMix(
                counts: [
                    .kill: kills, .stop: stops, .hang: hangs, .handover: handovers,
                    .crash: crashes, .control: controls,
                ], guestCount: guests, intervalMilliseconds: intervalMs),
            seed: seed, guestCount: guests, idleVifs: idleVifs,
            load: ChaosLoad.Amount(packetsPerSecond: rate, megabitsPerSecond: tcp),
            pairArguments: verbose ? ["--verbose"] : [])
    }

    private func work() throws {
        let plan = options.mix.plan(seed: seed)
        print("chaos: \(plan.count) faults, seed \(seed)")
        fflush(nil)
        var hogs = ChildList()
        for number in 0..<self.hogs * sysconf(Int32(_SC_NPROCESSORS_ONLN)) {
            hogs.append(
                try Child(["sh", "-c", "while :; do :; done"], output: .file("/dev/null")),
                named: "hog\(number)")
        }
        var run = try ChaosRun(options)
        try run.settle()
        var before: [(name: String, use: ProcessUse)] = []
        for (number, fault) in plan.enumerated() {
            let isWhole = try run.make(fault)
            // What is made once, at the first takeover, is no leak.
            if before.isEmpty, fault.kind.isTakeover { before = try run.use() }
            if !isWhole { break }
            guard (number + 1) % 100 == 0 else { continue }
            print("\(number + 1) faults")
            fflush(nil)
        }
        if minutes > 0 {
            print("nothing for \(minutes) minutes")
            fflush(nil)
            try run.stayQuiet(microseconds: UInt64(minutes * 60_000_000))
        }
        let after = try run.use()
        for name in hogs.names { if let hog = hogs.remove(name) { _ = hog.stop() } }
        var result = run.finish()
        (result.before, result.after) = (before, after)
        try judge(result)
    }

    private func judge(_ result: ChaosResult) throws {
        if let log { try keep(Scenario.log(of: "netbackd"), in: log) }
        print("\n\(ChaosReport.counts(result))\n\n\(ChaosReport.phases(result))\n")
        print(ChaosReport.totals(result))
        for number in 1...guests { print(Scenario.lastLine(of: "g\(number)")) }
        let failures = result.failures()
        for failure in failures.prefix(40) { print("FAILED: \(failure)") }
        print("faults=\(result.records.count) seed=\(seed) failures=\(failures.count)")
        guard failures.isEmpty else { throw ExitCode(1) }
    }

    private func keep(_ text: String, in path: String) throws {
        guard let file = unsafe fopen(path, "w") else {
            throw Complaint("\(path) cannot be written: errno \(errno)", remedy: nil)
        }
        unsafe fputs(text, file)
        unsafe fclose(file)
    }
}
