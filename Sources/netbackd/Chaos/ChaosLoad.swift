// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import Histogram
import HostNetwork

/// The traffic of a chaos run: numbered UDP both ways, requests, and iperf3, with every guest.
struct ChaosLoad: ~Copyable {
    /// How much of it.
    struct Amount {
        var packetsPerSecond: Int
        /// Of TCP each way and guest; 0 for none.
        var megabitsPerSecond: Int
    }

    let flows: [NumberedFlow]
    let threads: FlowThreads
    private let requests: [RequestLoad]
    private var programs = ChildList()
    private let guests: [String]

    /// Starts everything.
    init(_ scenario: borrowing Scenario, guests: [ScenarioGuest], _ amount: Amount) throws {
        var flows: [NumberedFlow] = []
        var requests: [RequestLoad] = []
        var programs = ChildList()
        let host = Scenario.hostAddress
        for (number, guest) in guests.enumerated() {
            let port = UInt16(6000 + 10 * number)
            try flows.append(
                NumberedFlow(from: guest.name, to: nil, address: host, port: port))
            try flows.append(
                NumberedFlow(from: nil, to: guest.name, address: guest.address, port: port + 1))
            try requests.append(RequestLoad(guest: guest.name, host: host, port: port + 2))
            guard amount.megabitsPerSecond > 0 else { continue }
            let name = "iperf3-\(guest.name)"
            programs.append(
                try scenario.start(
                    in: nil, ["iperf3", "-s", "-p", "\(port + 3)"], log: name + "-s"),
                named: name + "-s")
            usleep(300_000)
            programs.append(
                try scenario.start(
                    in: guest.name,
                    ["iperf3", "-c", host, "-p", "\(port + 3)", "--bidir", "-t", "86400"]
                        + ["-i", "10", "-b", "\(amount.megabitsPerSecond)M"], log: name),
                named: name)
        }
        threads = try FlowThreads(flows, packetsPerSecond: amount.packetsPerSecond)
        self.flows = flows
        self.requests = requests
        self.programs = programs
        self.guests = guests.map(\.name)
    }

    /// TCP's counters of the host and all guests together.
    func tcpCounters() -> TCPCounters {
        var counters = TCPCounters()
        counters.addCurrent()
        for guest in guests {
            try? NetworkNamespace.named(guest).within { () throws(HostNetworkError) in
                counters.addCurrent()
            }
        }
        return counters
    }

    /// Forgets the arrivals so far, but for each flow's last.
    func takeArrivals() -> [[NumberedFlow.Arrival]] { flows.map { $0.takeArrivals() } }

    /// Stops everything; what went wrong by the way, and how long requests took.
    mutating func stop() -> (complaints: [String], latencies: Histogram<UInt64>) {
        var complaints: [String] = []
        var latencies = Histogram<UInt64>(
            highestTrackableValue: 20_000_000_000, numberOfSignificantValueDigits: .three)
        for load in requests {
            let (taken, failure) = load.stop()
            if let failure { complaints.append(failure) }
            for value in taken.recordedValues() {
                _ = latencies.record(value.value, count: value.count)
            }
        }
        // Clients first; one that has ended by itself has lost its connection.
        for name in programs.names.sorted(by: { $0.count < $1.count }) {
            guard let child = programs.remove(name) else { continue }
            if !child.isRunning { complaints.append("\(name): \(Scenario.lastLine(of: name))") }
            _ = child.stop(milliseconds: 3000)
        }
        threads.stop()
        return (complaints, latencies)
    }
}
