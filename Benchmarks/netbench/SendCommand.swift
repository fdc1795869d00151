// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Glibc

/// Datagrams as fast as the kernel takes them, and at the end how many there were.
struct SendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Sends UDP datagrams to `receive` as fast as it can.")

    /// Set in the number of the datagrams that end a run; the other bits count what was sent.
    static let endBit: UInt64 = 1 << 63

    @Option(help: "IPv4 address of the receiver.")
    var to: String

    @Option(help: "UDP port of the receiver.")
    var port: Int32 = 5301

    @Option(help: "Payload of each datagram in bytes.")
    var size = 64

    @Option(help: "How long.")
    var seconds = 3

    func validate() throws {
        guard (16...1472).contains(size), (1...3600).contains(seconds) else {
            throw ValidationError("size is 16 to 1472, seconds 1 to 3600")
        }
    }

    func run() throws {
        var socket = try DatagramSocket(to: to, port: port)
        var sent: UInt64 = 0
        let end = monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
        while monotonicNanoseconds() < end {
            sent += UInt64(socket.send(size: size, count: DatagramSocket.batchCount))
        }
        // What is under way arrives first; of the end marks one will get through.
        for _ in 0..<10 {
            usleep(50_000)
            socket.setNumber(SendCommand.endBit | sent)
            _ = socket.send(size: 16, count: 1)
        }
    }
}
