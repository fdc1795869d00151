// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc
import HostNetwork
import NetBack
import Platform

/// `ringctl capture`: the packets that cross a vif's rings, for Wireshark.
struct CaptureCommand: ParsableCommand {
    /// Which way packets go that are wanted.
    enum Direction: String, ExpressibleByArgument, CaseIterable {
        case both, tx, rx
    }

    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "Write the packets that cross a vif's rings as pcapng.",
        discussion: """
            Packets are taken where the backend hands them to the host and takes them from it: at
            the vif's interface, by the kernel, so that the backend does nothing for it and a hung
            one can be captured as well. Large packets are seen as they cross the ring, before
            they are cut, and checksums that are left to the host are blank. A packet that the
            backend refused is not seen: `ringctl dump` counts those.

            tx is from the guest, rx is to it. What the kernel had to drop, because it was read
            too slowly, is told at the end and stands in the file.

                ringctl capture vif3.0 -w - | wireshark -k -i -
            """)

    @Argument(help: "The vif: vif3.0, or g1/0.")
    var vif: VifArgument

    @Option(name: .shortAndLong, help: "The file; - for standard output.")
    var write: String

    @Option(help: "both, tx (from the guest) or rx (to the guest).")
    var direction = Direction.both

    @Option(name: .shortAndLong, help: "End after so many packets.")
    var count: UInt64?

    @Option(help: "End after so many seconds.")
    var seconds: UInt32?

    @Option(name: .shortAndLong, help: "Bytes of each packet that are kept.")
    var snapLength = PacketCapture.snapLengthMax

    @OptionGroup var options: SubjectOptions

    func validate() throws {
        guard (1...PacketCapture.snapLengthMax).contains(snapLength) else {
            throw ValidationError("--snap-length is from 1 to \(PacketCapture.snapLengthMax)")
        }
    }

    func run() throws {
        guard options.report == nil else {
            throw Complaint("a report has no packets", remedy: nil)
        }
        let subject = try options.open()
        let looks = try subject.named(vif, rings: false)
        guard let look = looks.first, looks.count == 1 else {
            throw Complaint("\(vif) names \(looks.count) vifs", remedy: "name one by its number")
        }
        let output = try PcapngOutput(write)
        var progress = Progress(countMax: count, seconds: seconds, direction: direction)
        CaptureSignals.block()
        if let connection = subject.files as? DomainConnection {
            guard let slot = look.queues.first?.slot else {
                throw Complaint("the pair has no queue of \(look.vif)", remedy: nil)
            }
            try capture(from: connection, slot, "\(look.vif)", output, &progress)
        } else {
            guard look.nodes?.backend == nil else {
                throw Complaint(
                    "another domain serves \(look.vif)",
                    remedy: "run ringctl there, or with --via that domain if it is ours")
            }
            try capture(at: look.interfaceName ?? "\(look.vif)", output, &progress)
        }
    }

    private func capture(
        at interface: String, _ output: PcapngOutput, _ progress: inout Progress
    ) throws {
        var capture = try PacketCapture(of: interface, snapLength: snapLength)
        var writer = PcapngWriter(application: "ringctl")
        let number = writer.addInterface(named: interface, snapLength: snapLength)
        while !progress.isOver {
            _ = try capture.read(milliseconds: 100) { packet in
                guard progress.wants(isFromGuest: packet.direction == .tx) else { return }
                writer.append(
                    packet.bytes, of: number, at: packet.timestamp,
                    isFromGuest: packet.direction == .tx,
                    originalLength: packet.originalLength, header: packet.header)
            }
            try output.flush(&writer)
        }
        let counted = try capture.statistics()
        try finish(&writer, number, seen: counted.seen, dropped: counted.dropped, output, progress)
    }

    private func capture(
        from connection: DomainConnection, _ slot: Int, _ interface: String,
        _ output: PcapngOutput, _ progress: inout Progress
    ) throws {
        _ = try connection.ask("capture \(slot) \(snapLength)")
        var writer = PcapngWriter(application: "ringctl")
        let number = writer.addInterface(named: interface, snapLength: snapLength)
        while !progress.isOver {
            for record in CaptureRecord.all(in: try connection.ask("packets"))
            where progress.wants(isFromGuest: record.isFromGuest) {
                writer.append(
                    record.bytes.span, of: number, at: record.timestamp,
                    isFromGuest: record.isFromGuest, originalLength: record.originalLength,
                    header: record.header)
            }
            try output.flush(&writer)
        }
        let words = String(decoding: try connection.ask("captured"), as: UTF8.self)
            .split(separator: " ").map { UInt64($0) ?? 0 }
        try finish(
            &writer, number, seen: words.first ?? 0, dropped: words.last ?? 0, output, progress)
    }

    private func finish(
        _ writer: inout PcapngWriter, _ number: Int, seen: UInt64, dropped: UInt64,
        _ output: PcapngOutput, _ progress: Progress
    ) throws {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        writer.appendStatistics(
            of: number, at: UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec),
            received: seen, dropped: dropped)
        try output.flush(&writer)
        let text = "\(progress.count) packets written, \(dropped) dropped by the kernel\n"
        // SAFETY: the string lives for the call.
        _ = unsafe Glibc.write(2, text, text.utf8.count)
    }

    /// When a capture is over, and what it wants.
    struct Progress {
        private(set) var count: UInt64 = 0
        private let countMax: UInt64?
        private let end: Instant?
        private let direction: Direction

        init(countMax: UInt64?, seconds: UInt32?, direction: Direction) {
            self.countMax = countMax
            end = seconds.map {
                Instant.now.advanced(byNanoseconds: UInt64($0) * 1_000_000_000)
            }
            self.direction = direction
        }

        var isOver: Bool {
            if let countMax, count >= countMax { return true }
            if let end, end <= .now { return true }
            return CaptureSignals.isPending
        }

        /// Counts a packet that is wanted.
        mutating func wants(isFromGuest: Bool) -> Bool {
            if let countMax, count >= countMax { return false }
            guard direction == .both || (direction == .tx) == isFromGuest else { return false }
            count += 1
            return true
        }
    }
}
