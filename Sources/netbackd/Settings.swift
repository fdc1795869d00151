// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import DriverDomain
import Glibc
import NetBack

/// The flags of `netbackd run`, and the file that may stand in for them.
struct Settings: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "xen, or emulated:DIR with a domain's folder of an emulated machine.",
            discussion: "Without it: xen where /dev/xen is, an error elsewhere."))
    var hypervisor: String = "xen"

    @Option(help: "The bridge of vifs for which the toolstack names none.")
    var bridge: String = "xenbr0"

    @Flag(help: "Make the bridge if it is not there, and remove it at the end.")
    var createBridge = false

    @Flag(help: "Leave guests connected at the end, for the next netbackd to serve on.")
    var detachAtExit = false

    @Option(help: "MTU of vifs for which the toolstack names none (default: the bridge's).")
    var mtu: UInt32?

    @Option(help: "Frames that wait for a slow guest before more are dropped.")
    var queueLength: UInt32 = 4096

    @Option(
        help: ArgumentHelp(
            "Pairs of worker threads: one for packets from guests, one for packets to them.",
            discussion: "Each queue's two directions are served by one thread each."))
    var workers: Int = 1

    @Option(
        help: ArgumentHelp(
            "Most queues of one vif; each may have a worker of its own.",
            discussion: "A guest takes as many as it has processors, if it takes several at all."))
    var queues: UInt32 = 1

    @Option(help: "Most vifs served at once.")
    var maxVifs: Int = 512

    @Flag(
        help: ArgumentHelp(
            "Make guests compute every checksum, and cut large packets for them.",
            discussion: "Slower; for firewalls that mistake a blank checksum for a wrong one."))
    var noChecksumOffload = false

    @Option(
        help: ArgumentHelp(
            "A file of `bridge=`, `mtu=` and `queue-length=` lines, read again at SIGHUP.",
            valueName: "file"))
    var config: String?

    /// The flags with the file's lines over them, checked.
    ///
    /// - Throws: `Complaint` naming the flag or the line.
    func resolved() throws -> DriverOptions {
        var (bridge, mtu, queueLength) = (bridge, mtu, queueLength)
        if let config {
            for (number, line) in try SystemFile.lines(of: config).enumerated() {
                let text = line.split(separator: "#", omittingEmptySubsequences: false)[0]
                    .split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
                guard !text.isEmpty else { continue }
                let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
                switch (parts.first, parts.last.flatMap(UInt32.init)) {
                case ("bridge", _) where parts.count == 2: bridge = parts[1]
                case ("mtu", .some(let value)): mtu = value
                case ("queue-length", .some(let value)): queueLength = value
                default:
                    throw Complaint(
                        "\(config):\(number + 1): \(text) is not understood",
                        remedy: "lines are bridge=NAME, mtu=NUMBER or queue-length=NUMBER")
                }
            }
        }
        try check((1...64).contains(workers), "--workers \(workers)", "give 1 to 64")
        try check((1...4096).contains(maxVifs), "--max-vifs \(maxVifs)", "give 1 to 4096")
        try check((1...16).contains(queues), "--queues \(queues)", "give 1 to 16")
        if let mtu {
            try check((68...65521).contains(mtu), "mtu \(mtu)", "give 68 to 65521 bytes")
        }
        try check(
            (1...1_000_000).contains(queueLength), "queue length \(queueLength)",
            "give 1 to 1000000 frames")
        var options = DriverOptions(bridge: bridge)
        options.createsBridge = createBridge
        options.detachesAtExit = detachAtExit
        options.mtu = mtu
        options.transmitQueueLength = queueLength
        options.limits = BackendLimits(
            vifs: maxVifs, queuesPerVif: queues, offersChecksumOffload: !noChecksumOffload)
        options.workers = workers
        options.hypervisor = try HypervisorChoice(parsing: hypervisor)
        return options
    }

    private func check(_ isRight: Bool, _ what: String, _ remedy: String) throws {
        if !isRight { throw Complaint("\(what) is out of range", remedy: remedy) }
    }
}
