// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import Glibc

/// `netbackd soak`: mixed traffic for a long time while guests come and go.
struct SoakCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Run mixed traffic for minutes while guests come and go, and look for leaks.",
        discussion: """
            Two guests and the host exchange TCP, UDP and pings all the time; every few seconds
            another guest is plugged in, used, and unplugged or killed. At the end no vif may be
            broken, the backend must hold as many descriptors as at the start and no more memory
            than a small allowance, no grant may be mapped, and the packet counters of both sides
            of every orderly closed vif must agree. On the *emulated* machine, in namespaces of
            its own.

            Exit codes: 0 all of that holds; 1 something does not; 130 interrupted.
            """)

    @Option(help: "How long.")
    var minutes = 10.0

    @Flag(name: .customLong("inside"), help: .hidden)
    var isInside = false

    func run() throws {
        guard (0.1...1440).contains(minutes) else {
            throw ValidationError("--minutes must be 0.1 to 1440")
        }
        guard isInside else {
            try Programs.check(Programs.ofDemo)
            try Sandbox.enter(["soak", "--inside", "--minutes", "\(minutes)"])
        }
        _ = try Sandbox.prepare()
        do {
            var soak = try Soak()
            try soak.run(seconds: minutes * 60)
            guard soak.finish() else { throw ExitCode(1) }
        } catch is Interrupted {
            print("\ninterrupted: everything is removed")
            throw ExitCode(130)
        }
    }
}

/// A soak in progress.
struct Soak: ~Copyable {
    /// What the backend's private memory may grow by, in KiB: the log's and the allocator's slack.
    private static var memoryAllowance: Int { 2048 }

    private var scenario: Scenario
    private var traffic = ChildList()
    private var complaints: [String] = []
    private var orderly: [String] = ["g1", "g2"]
    private var cycles = 0
    private var before = (descriptors: 0, memory: 0)

    init() throws {
        var scenario = try Scenario()
        for (name, number) in [("g1", 1), ("g2", 2)] {
            try scenario.start(Self.guest(name, number))
        }
        self.scenario = scenario
    }

    private static func guest(_ name: String, _ number: Int) -> ScenarioGuest {
        let byte = String(number, radix: 16)
        return ScenarioGuest(
            name: name, mac: "00:16:3e:00:00:\(byte)", address: "10.77.0.\(10 + number)")
    }

    /// Runs traffic and comings and goings for a time.
    mutating func run(seconds: Double) throws {
        try startTraffic(seconds: Int(seconds) + 60)
        // One cycle first: what is allocated once is not a leak.
        try cycle()
        before = (backendDescriptors(), backendMemory())
        print("start: descriptors=\(before.descriptors) private_kib=\(before.memory)")
        fflush(nil)
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        let end = Double(now.tv_sec) + seconds
        var lastReport = now.tv_sec
        while Double(now.tv_sec) < end {
            try cycle()
            unsafe clock_gettime(CLOCK_MONOTONIC, &now)
            if now.tv_sec - lastReport >= 30 {
                lastReport = now.tv_sec
                print(
                    "cycles=\(cycles) descriptors=\(backendDescriptors()) "
                        + "private_kib=\(backendMemory()) seconds_left=\(Int(end) - now.tv_sec)")
                fflush(nil)
            }
        }
    }

    private mutating func startTraffic(seconds: Int) throws {
        let server = "iperf3"
        traffic.append(
            try scenario.start(in: "g2", [server, "-s"], log: "server-g2"), named: "server-g2")
        traffic.append(
            try scenario.start(in: nil, [server, "-s"], log: "server-host"), named: "server-host")
        usleep(500_000)
        let time = ["-t", "\(seconds)"]
        let host = Scenario.hostAddress
        let clients: [(String, String, [String])] = [
            ("tcp", "g1", ["iperf3", "-c", "10.77.0.12", "--bidir", "-b", "200M"] + time),
            ("udp", "g1", ["iperf3", "-c", host, "-u", "-b", "20M", "-l", "200"] + time),
            ("ping", "g2", ["ping", "-n", "-q", "-i", "0.01", "-w", "\(seconds)", host]),
        ]
        for (name, guest, arguments) in clients {
            traffic.append(
                try scenario.start(in: guest, arguments, log: "traffic-\(name)"), named: name)
        }
    }

    /// A guest comes, is used, and goes: twice in three times in an orderly way.
    private mutating func cycle() throws {
        cycles += 1
        let name = "c\(cycles)"
        try scenario.start(Self.guest(name, 3 + cycles % 200))
        for target in ["10.77.0.11", Scenario.hostAddress] {
            let ping = try scenario.run(
                in: name, ["ping", "-n", "-q", "-c", "10", "-i", "0.05", "-W", "2", target])
            if ping.code != 0 { complaints.append("\(name) cannot ping \(target)") }
        }
        if cycles % 3 == 0 {
            try scenario.kill(name)
            return
        }
        orderly.append(name)
        if !scenario.stop(name) { complaints.append("\(name): \(Scenario.lastLine(of: name))") }
    }

    /// Stops everything and judges; true when nothing was wrong.
    mutating func finish() -> Bool {
        let after = (descriptors: backendDescriptors(), memory: backendMemory())
        for name in traffic.names {
            if let child = traffic.remove(name) { _ = child.stop(milliseconds: 3000) }
        }
        complaints += scenario.stopAll()
        compareCounters()
        if after.descriptors > before.descriptors {
            complaints.append(
                "descriptors grew from \(before.descriptors) to \(after.descriptors)")
        }
        if after.memory > before.memory + Self.memoryAllowance {
            complaints.append("memory grew from \(before.memory) to \(after.memory) KiB")
        }
        for complaint in complaints { print("FAILED: \(complaint)") }
        print(
            "cycles=\(cycles) vifs_compared=\(orderly.count) "
                + "descriptors=\(before.descriptors)→\(after.descriptors) "
                + "private_kib=\(before.memory)→\(after.memory) complaints=\(complaints.count)")
        return complaints.isEmpty
    }

    /// The frontend's counters against the backend's, vif by vif.
    private mutating func compareCounters() {
        var closed: [String: [String: UInt64]] = [:]
        for line in Scenario.log(of: "netbackd").split(separator: "\n")
        where line.contains("counters at close") {
            let fields = Self.fields(of: line)
            if let vif = fields.name { closed[vif] = fields.numbers }
        }
        for name in orderly {
            let (vif, guest) = Self.fields(of: Substring(Scenario.lastLine(of: name)))
            guard let vif, let backend = closed[vif] else {
                complaints.append("\(name): no counters from the backend")
                continue
            }
            let sent = ["tx_packets", "tx_invalid", "tx_refused", "tx_copy_failures"]
                .reduce(0) { $0 + (backend[$1] ?? 0) }
            if sent != guest["tx_packets"] ?? 0 {
                complaints.append("\(vif): guest sent \(guest["tx_packets"] ?? 0), backend \(sent)")
            }
            let received = (guest["rx_packets"] ?? 0) + (guest["rx_dropped"] ?? 0)
            if received != backend["rx_packets"] ?? 0 {
                complaints.append(
                    "\(vif): backend delivered \(backend["rx_packets"] ?? 0), guest \(received)")
            }
        }
    }

    /// The vif and the numbers of a `key=value` line.
    private static func fields(of line: Substring) -> (name: String?, numbers: [String: UInt64]) {
        var name: String?
        var numbers: [String: UInt64] = [:]
        for field in line.split(separator: " ") {
            let pair = field.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else { continue }
            if pair[0] == "vif" { name = pair[1] } else { numbers[pair[0]] = UInt64(pair[1]) }
        }
        return (name, numbers)
    }

    private func backendDescriptors() -> Int {
        ProcessUse(of: scenario.backendPID)?.descriptors ?? -1
    }

    /// Private memory in KiB.
    private func backendMemory() -> Int { ProcessUse(of: scenario.backendPID)?.memory ?? -1 }
}
