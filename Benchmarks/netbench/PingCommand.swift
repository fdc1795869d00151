// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Histogram

/// One request at a time, each sent when the answer to the one before is there.
struct PingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping",
        abstract: "Times UDP requests to `echo`: prints p50, p99 and p99.9 in microseconds.")

    @Option(help: "IPv4 address of the echo.")
    var to: String

    @Option(help: "UDP port of the echo.")
    var port: Int32 = 5302

    @Option(help: "How long.")
    var seconds = 3

    func run() throws {
        var socket = try DatagramSocket(to: to, port: port)
        var latencies = Histogram<UInt64>(
            highestTrackableValue: 10_000_000_000, numberOfSignificantValueDigits: .three)
        let start = monotonicNanoseconds()
        let warm = start + 200_000_000
        let end = start + UInt64(seconds) * 1_000_000_000
        var number: UInt64 = 0
        var now = start
        while now < end {
            number += 1
            socket.setNumber(number)
            now = monotonicNanoseconds()
            let sent = now
            if socket.send(size: 64, count: 1) == 0 { continue }
            // A late answer to an earlier request is not the answer to this one.
            var isAnswered = false
            while !isAnswered, socket.receive(count: 1) > 0 {
                isAnswered = socket.number(of: 0) == number
            }
            now = monotonicNanoseconds()
            if isAnswered, sent > warm { _ = latencies.record(now - sent) }
        }
        guard latencies.totalCount > 0 else { throw ValidationError("no answer came") }
        func microseconds(_ percentile: Double) -> Double {
            Double(latencies.valueAtPercentile(percentile)) / 1000
        }
        print(microseconds(50), microseconds(99), microseconds(99.9))
    }
}

/// The other side.
struct EchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo", abstract: "Sends every UDP datagram back.")

    @Option(help: "UDP port to answer on.")
    var port: Int32 = 5302

    @Option(help: "Ends after so long.")
    var seconds = 10

    func run() throws {
        var socket = try DatagramSocket(listeningOn: port)
        let end = monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
        while monotonicNanoseconds() < end { _ = socket.echo() }
    }
}
