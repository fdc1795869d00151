// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import DriverDomain
import Glibc

/// `netbackd demo`: the main job, end to end, on an emulated machine.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run two guests through a pair on an emulated machine, with real programs.",
        discussion: """
            At the end the primary is killed three times under load, and guests see nothing of it.

            Everything lives in namespaces of its own: the host's network is not touched, and
            nothing is left behind, however the demo ends. Needs root, or user namespaces and a
            /dev/net/tun that may be opened. All figures are of the *emulated* machine.

            Exit codes: 0 every step passed; 1 a step failed or something is missing; 130
            interrupted.
            """)

    @Flag(help: "Hold the machine open at the end, until Ctrl-C.")
    var keep = false

    @Option(help: "Seconds for each throughput run.")
    var seconds = 3

    @Flag(name: .customLong("inside"), help: .hidden)
    var isInside = false

    func run() throws {
        guard (1...600).contains(seconds) else {
            throw ValidationError("--seconds must be 1 to 600")
        }
        guard isInside else {
            try Programs.check(Programs.ofDemo)
            try Sandbox.enter(
                ["demo", "--inside", "--seconds", "\(seconds)"] + (keep ? ["--keep"] : []))
        }
        let outside = try Sandbox.prepare()
        do {
            try work(outside)
        } catch is Interrupted {
            print("\ninterrupted: everything is removed")
            throw ExitCode(130)
        }
    }

    private func work(_ outside: String) throws {
        print("emulated machine, driver domain and two guests: starting")
        let guests = (
            ScenarioGuest(name: "g1", mac: "00:16:3e:00:00:01", address: "10.77.0.11"),
            ScenarioGuest(name: "g2", mac: "00:16:3e:00:00:02", address: "10.77.0.12")
        )
        var scenario = try Scenario(backend: ["pair", "--crash-reports", ""])
        try scenario.start(guests.0)
        try scenario.start(guests.1)
        var steps = DemoSteps(scenario, guests: guests, seconds: seconds)
        try steps.runAll()
        if keep { try hold(outside, signals: steps.scenario.signals) }
        let rows = steps.rows
        let complaints = steps.scenario.stopAll()
        print("\n\(DemoTable.text(rows))\n")
        for name in ["g1", "g2"] { print(Scenario.lastLine(of: name)) }
        for complaint in complaints { print("FAILED: \(complaint)") }
        guard complaints.isEmpty, rows.allSatisfy(\.isGood) else { throw ExitCode(1) }
        print("all \(rows.count) steps passed; nothing is left behind")
    }

    private func hold(_ outside: String, signals: borrowing SignalQueue) throws {
        let user = geteuid() == 0 && getuid() == 0 ? "" : " -U --preserve-credentials"
        let enter = "nsenter -t \(outside)\(user) -m -n"
        print(
            """

            held open until Ctrl-C; from another terminal, as the same user:
              \(enter) ip netns exec g1 ping \(Scenario.hostAddress)
              \(enter) ip netns exec g2 bash
              \(enter) env XENSTORED_PATH=\(Scenario.machineDirectory)/dom0/xenstored.sock \
            xenstore-ls
              \(enter) bridge link
            """)
        fflush(nil)
        var watched = [pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)]
        _ = unsafe poll(&watched, 1, -1)
        _ = signals.next()
    }
}

/// The programs that a demo runs.
enum Programs {
    /// Each with the package that has it.
    static var ofDemo: [(program: String, package: String)] {
        [
            ("unshare", "util-linux"), ("ip", "iproute2"), ("ss", "iproute2"),
            ("ping", "iputils-ping"), ("iperf3", "iperf3"), ("curl", "curl"),
            ("nginx", "nginx-light"), ("dnsmasq", "dnsmasq-base"), ("dnsperf", "dnsperf"),
            ("xenstore-read", "xenstore-utils"),
        ]
    }

    /// Throws a `Complaint` naming the packages of whatever is not in PATH.
    static func check(_ wanted: [(program: String, package: String)]) throws {
        let missing = wanted.filter { find($0.program) == nil }
        guard !missing.isEmpty else { return }
        let packages = Set(missing.map(\.package)).sorted().joined(separator: " ")
        throw Complaint(
            "not installed: \(missing.map(\.program).joined(separator: ", "))",
            remedy: "apt-get install \(packages)")
    }

    /// Where a program is, looked for where root's programs are as well.
    static func find(_ program: String) -> String? {
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
        for directory in (path + ":/usr/sbin:/sbin").split(separator: ":") {
            let candidate = "\(directory)/\(program)"
            if unsafe access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }
}
