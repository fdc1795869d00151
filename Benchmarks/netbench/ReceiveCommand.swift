// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// Counts what `send` sends.
struct ReceiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract: "Counts the datagrams of `send`: prints packets per second and percent lost.")

    @Option(help: "UDP port to receive on.")
    var port: Int32 = 5301

    @Option(help: "Gives up after so long.")
    var seconds = 30

    func run() throws {
        var socket = try DatagramSocket(listeningOn: port)
        let deadline = monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
        var (received, first, last): (UInt64, UInt64, UInt64) = (0, 0, 0)
        while true {
            let count = socket.receive()
            let now = monotonicNanoseconds()
            if now > deadline { throw ValidationError("no end mark came: is the path up?") }
            if count == 0 { continue }
            var end: UInt64?
            for datagram in 0..<count {
                let number = socket.number(of: datagram)
                if number & SendCommand.endBit != 0 { end = number & ~SendCommand.endBit }
            }
            if let end {
                let elapsed = Double(max(last - first, 1)) / 1e9
                let lost = end == 0 ? 0 : 100 * (1 - Double(received) / Double(end))
                print(Double(received) / elapsed, max(0, lost))
                return
            }
            if received == 0 { first = now }
            last = now
            received += UInt64(count)
        }
    }
}
