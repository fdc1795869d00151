// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import Platform
import StoreClient

/// A machine, a pair and guests under traffic, to which faults happen.
struct ChaosRun: ~Copyable {
    /// A takeover, or a new shadow, that takes longer has failed. Long, since on a machine without
    /// processors to spare a start and an end of a process may wait for seconds in the kernel, for
    /// whoever holds the list of the program's mappings and does not run.
    private static var recoveryNanoseconds: UInt64 { 60_000_000_000 }
    private static var faultPath: String { "/local/domain/1/data/netdd/fault" }

    private var scenario: Scenario
    private var load: ChaosLoad
    private var log: PairLog
    private var store: LibXenStore
    private var primary: Int32
    private var shadow: Int32
    private(set) var records: [FaultRecord] = []
    /// Takeovers while nothing had been done to the pair.
    private(set) var unprovoked: [String] = []

    /// Starts everything.
    init(_ options: ChaosOptions) throws {
        var scenario = try Scenario(
            backend: ["pair", "--fault-injection", "--crash-reports", ""]
                + ["--longest-restart-pause", "100"] + options.pairArguments, pages: 256)
        var guests: [ScenarioGuest] = []
        for number in 1...options.guestCount {
            let guest = ScenarioGuest(
                name: "g\(number)",
                mac: "00:16:3e:00:00:\(String(number, radix: 16))",
                address: "10.77.0.\(10 + number)")
            try scenario.start(guest, priority: FlowThreads.priority)
            guests.append(guest)
        }
        try Self.startIdle(options.idleVifs, in: &scenario)
        let store = try LibXenStore(
            socketPath: "\(Scenario.machineDirectory)/dom0/xenstored.sock")
        let load = try ChaosLoad(scenario, guests: guests, options.load)
        log = PairLog(path: "\(Sandbox.directory)/netbackd.log")
        self.store = store
        self.load = load
        self.scenario = scenario
        primary = -1
        shadow = -1
    }

    /// Guests with vifs that are connected and do nothing; no more for each than a guest's grants
    /// are enough for.
    private static func startIdle(_ count: Int, in scenario: inout Scenario) throws {
        for number in 0..<(count + 15) / 16 {
            try scenario.start(
                ScenarioGuest(
                    name: "idle\(number)", mac: "00:16:3e:\(10 + number):00:01",
                    address: "10.77.0.\(200 + number)",
                    idleVifs: min(16, count - 16 * number) - 1))
        }
    }

    /// Waits until a shadow stands by and traffic flows.
    mutating func settle() throws {
        let deadline = UInt64.now + Self.recoveryNanoseconds
        while primary < 0 || shadow < 0 {
            try pause(microseconds: 10_000)
            let news = log.take()
            primary = news.primaries.last ?? primary
            shadow = news.shadows.last ?? shadow
            guard UInt64.now < deadline else {
                throw Complaint(
                    "no shadow stands by: \(Scenario.lastLine(of: "netbackd"))", remedy: nil)
            }
        }
        try pause(microseconds: 1_000_000)
        _ = load.takeArrivals()
    }

    /// Does one thing to the pair, and waits until it is whole again; false when it never is.
    mutating func make(_ fault: PlannedFault) throws -> Bool {
        try stayQuiet(microseconds: UInt64(fault.pauseMilliseconds) * 1000)
        _ = load.takeArrivals()
        let before = load.tcpCounters()
        note(fault)
        var record = FaultRecord(fault: fault, injectedAt: .now)
        try inject(fault.way)
        let isWhole = fault.kind.isTakeover ? try recover(&record) : true
        if !fault.kind.isTakeover { try pause(microseconds: 30_000) }
        // The last words of this fault.
        try pause(microseconds: 5000)
        record.news.add(log.take())
        for arrivals in load.takeArrivals() { record.take(arrivals) }
        let after = load.tcpCounters()
        record.tcp.retransmitted = after.retransmitted - before.retransmitted
        record.tcp.resets = after.resets - before.resets
        primary = record.news.primaries.last ?? primary
        shadow = record.news.shadows.last ?? shadow
        records.append(record)
        return isWhole
    }

    /// Writes into the pair's log what is about to happen to it.
    private func note(_ fault: PlannedFault) {
        let path = "\(Sandbox.directory)/netbackd.log"
        let descriptor = unsafe open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let number = records.count + 1
        let line = Array(
            "level=info msg=chaos number=\(number) fault=\"\(fault.way)\" at_ns=\(UInt64.now)\n"
                .utf8)
        _ = unsafe write(descriptor, line, line.count)
    }

    private mutating func inject(_ way: PlannedFault.Way) throws {
        switch way {
        case .nothing: break
        case .signal(let signal): kill(primary, signal)
        case .handover: kill(scenario.backendPID, SIGUSR2)
        case .wish(let wish): try store.write(Self.faultPath, wish)
        }
    }

    /// Waits for the takeover, then for a shadow other than the one that took over.
    private mutating func recover(_ record: inout FaultRecord) throws -> Bool {
        let deadline = UInt64.now + Self.recoveryNanoseconds
        while UInt64.now < deadline {
            try pause(microseconds: 1000)
            record.news.add(log.take())
            if !record.news.primaries.isEmpty, !record.news.shadows.isEmpty {
                record.standingAt = .now
                return true
            }
        }
        return false
    }

    /// Lets time pass in which nothing may happen to the pair.
    mutating func stayQuiet(microseconds: UInt64) throws {
        var end = UInt64.now + microseconds * 1000
        var isWhole = true
        while true {
            let now = UInt64.now
            guard now < end else { break }
            try pause(microseconds: min(100_000, (end - now) / 1000 + 1))
            let news = log.take()
            primary = news.primaries.last ?? primary
            shadow = news.shadows.last ?? shadow
            unprovoked += news.givenUp.map(\.reason)
            unprovoked += news.primaries.map { "a takeover by \($0)" }
            // The next fault must not find a pair without a shadow.
            if !news.primaries.isEmpty { isWhole = false }
            if !news.shadows.isEmpty { isWhole = true }
            if !isWhole { end = max(end, now + 100_000_000) }
        }
    }

    private func pause(microseconds: UInt64) throws {
        usleep(UInt32(microseconds))
        if scenario.signals.next() != nil { throw Interrupted() }
    }

    /// What the long-lived processes and the members hold, by name.
    func use() throws -> [(name: String, use: ProcessUse)] {
        try pause(microseconds: 100_000)
        let watched = [
            ("parent", scenario.backendPID), ("primary", primary), ("shadow", shadow),
            ("machine", scenario.machinePID),
        ]
        return watched.compactMap { name, pid in ProcessUse(of: pid).map { (name, $0) } }
    }

    /// The processes of the pair.
    var pids: [Int32] { [scenario.backendPID, primary, shadow] }

    /// Ends traffic, then guests, pair and machine, and says what was found.
    mutating func finish() -> ChaosResult {
        var result = ChaosResult(records: records, unprovoked: unprovoked)
        let stopped = load.stop()
        result.complaints += stopped.complaints
        result.latencies = stopped.latencies
        result.flows = load.flows.map { $0.result() }
        result.skippedTurns = load.threads.skippedTurns
        result.complaints += scenario.stopAll()
        result.leftovers = ChaosLeftovers.find()
        result.attribute()
        return result
    }
}
