// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork
import Platform
import Testing

@Suite(.serialized, .timeLimit(.minutes(10)))
struct PacketCaptureTests {
    /// A record of a frame that outlives it.
    private struct Record: Equatable {
        var direction: CapturedPacket.Direction
        var bytes: [UInt8]
        var originalLength: Int
        var header = VnetHeader()
        var timestamp: UInt64 = 0
    }

    /// What is read until `count` frames of the tests' own have come or nothing more does; frames
    /// of the host's protocols are passed over.
    private func records(
        _ count: Int, of capture: inout PacketCapture
    ) throws -> [Record] {
        var records: [Record] = []
        while records.count < count {
            let got = try capture.read(milliseconds: 3000) { packet in
                let record = PacketCaptureTests.record(of: packet)
                if record.bytes.starts(with: Frames.readerMAC) { records.append(record) }
            }
            if got == 0 { break }
        }
        return records
    }

    private static func record(of packet: borrowing CapturedPacket) -> Record {
        var bytes: [UInt8] = []
        for position in 0..<packet.bytes.count { bytes.append(packet.bytes[position]) }
        return Record(
            direction: packet.direction, bytes: bytes, originalLength: packet.originalLength,
            header: packet.header, timestamp: packet.timestamp)
    }

    private func frame(_ number: UInt8, size: Int = 100) -> [UInt8] {
        Frames.ethernet(
            type: Frames.experimental, [UInt8](repeating: number, count: size - 14))
    }

    private func now() -> UInt64 {
        var time = timespec()
        // SAFETY: the address of a value that lives here.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    @Test("frames of both directions are seen in their order, whole, with the time they passed")
    func directions() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var guest = try Endpoint("vif3.0", on: bridge)
            var other = try Endpoint("vif4.0", on: bridge)
            var capture = try PacketCapture(of: "vif3.0")
            let start = now()
            var expected: [Record] = []
            for number in UInt8(0)..<20 {
                // Every length of padding, and both directions in turn.
                let bytes = frame(number, size: 60 + Int(number))
                if number.isMultiple(of: 2) {
                    #expect(try guest.transmit(bytes) == .sent)
                } else {
                    #expect(try other.transmit(bytes) == .sent)
                    #expect(try guest.next(type: Frames.experimental)?.bytes == bytes)
                }
                expected.append(
                    Record(
                        direction: number.isMultiple(of: 2) ? .tx : .rx, bytes: bytes,
                        originalLength: bytes.count))
            }
            let end = now()
            let seen = try records(expected.count, of: &capture)
            #expect(
                seen.map { record in
                    var record = record
                    record.timestamp = 0
                    return record
                } == expected)
            #expect(seen.allSatisfy { (start...end).contains($0.timestamp) })
            #expect(seen.map(\.timestamp).sorted() == seen.map(\.timestamp))
            let statistics = try capture.statistics()
            #expect(statistics.seen >= 20)
            #expect(statistics.dropped == 0)
        }
    }

    @Test("of another interface's frames nothing is seen")
    func oneInterface() throws {
        try inFreshNamespace {
            var watched = try quietDevice("vif3.0")
            let bridge = try Bridge(usingOrCreating: "br0")
            var other = try Endpoint("vif4.0", on: bridge)
            var capture = try PacketCapture(of: "vif3.0")
            #expect(try other.transmit(frame(1)) == .sent)
            #expect(try send(frame(2), into: &watched) == .sent)
            let seen = try records(1, of: &capture)
            #expect(seen.map(\.bytes) == [frame(2)])
            #expect(try capture.statistics().seen == 1)
        }
    }

    /// A TAP that is up and to which the host says nothing.
    private func quietDevice(_ name: String) throws -> TapDevice {
        let device = try TapDevice(named: name, offload: .all)
        let session = try NetlinkSession()
        try session.disableAddressGeneration(of: name)
        try session.bringUp(name)
        return device
    }

    private func send(
        _ bytes: [UInt8], into device: inout TapDevice
    ) throws -> TransmitOutcome {
        let arena = PageArena(pageCount: 1)
        for (position, byte) in bytes.enumerated() { arena.setByte(byte, at: position) }
        var fragments = FrameFragments()
        fragments.append(FrameFragment(offset: 0, count: bytes.count))
        return try device.transmit(fragments, header: VnetHeader(), from: arena)
    }

    @Test("a frame to be cut is seen uncut, with what is left to do", arguments: [4, 6])
    func unsegmented(version: Int) throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var guest = try Endpoint("vif3.0", on: bridge)
            var other = try Endpoint("vif4.0", on: bridge)
            var capture = try PacketCapture(of: "vif3.0")
            let payload = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let (frame, header) = Frames.unsegmented(
                version: version, payload: payload, segmentSize: 1448)
            #expect(try guest.transmit(frame, header: header) == .sent)
            #expect(try other.transmit(frame, header: header) == .sent)
            let seen = try records(2, of: &capture)
            #expect(seen.map(\.direction) == [.tx, .rx])
            for record in seen {
                #expect(record.bytes == frame)
                #expect(record.originalLength == frame.count)
                #expect(record.header.flags & VnetHeader.needsChecksum != 0)
                #expect(record.header.gsoType == header.gsoType)
                #expect(record.header.gsoSize == 1448)
                #expect(record.header.checksumStart == header.checksumStart)
                #expect(record.header.checksumOffset == header.checksumOffset)
            }
        }
    }

    @Test("a VLAN tag, which the kernel takes off, is where it was")
    func tag() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var guest = try Endpoint("vif3.0", on: bridge)
            var other = try Endpoint("vif4.0", on: bridge)
            var whole = try PacketCapture(of: "vif3.0")
            var cut = try PacketCapture(of: "vif3.0", snapLength: 50)
            for type: [UInt8] in [[0x81, 0x00], [0x88, 0xA8]] {
                let bytes =
                    Frames.readerMAC + Frames.senderMAC + type + [0x60, 5]
                    + Frames.big(Frames.experimental) + (0..<82).map { UInt8($0) }
                #expect(try guest.transmit(bytes) == .sent)
                #expect(try other.transmit(bytes) == .sent)
                let seen = try records(2, of: &whole)
                #expect(seen.map(\.direction) == [.tx, .rx])
                #expect(seen.map(\.bytes) == [bytes, bytes])
                #expect(seen.map(\.originalLength) == [100, 100])
                let start = try records(2, of: &cut)
                #expect(start.map(\.bytes) == [Array(bytes[..<50]), Array(bytes[..<50])])
                #expect(start.map(\.originalLength) == [100, 100])
            }
        }
    }

    @Test("a frame is cut at the snap length and tells its own", arguments: [1, 14, 60, 99, 100])
    func snapLength(snapLength: Int) throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var guest = try Endpoint("vif3.0", on: bridge)
            var capture = try PacketCapture(of: "vif3.0", snapLength: snapLength)
            #expect(capture.snapLength == snapLength)
            #expect(try guest.transmit(frame(9)) == .sent)
            var seen: [Record] = []
            for _ in 0..<10 where seen.isEmpty {
                try capture.read(milliseconds: 3000) { packet in
                    let record = PacketCaptureTests.record(of: packet)
                    if record.direction == .tx { seen.append(record) }
                }
            }
            #expect(seen.map(\.bytes) == [Array(frame(9)[..<snapLength])])
            #expect(seen.map(\.originalLength) == [100])
        }
    }

    @Test("a capture that nobody reads drops, counts that, and goes on once it is read")
    func drops() throws {
        try inFreshNamespace {
            // Nothing but the test's own frames, so that numbers can be compared.
            var guest = Endpoint(try quietDevice("vif3.0"))
            var capture = try PacketCapture(of: "vif3.0", bufferSize: 1)
            // Three times what two blocks hold.
            let sent = 1100
            for _ in 0..<sent { #expect(try guest.transmit(frame(1, size: 1500)) == .sent) }
            let first = try capture.statistics()
            #expect(first.seen == UInt64(sent))
            #expect(first.dropped > 600)
            #expect(try capture.statistics() == first)
            var taken: UInt64 = 0
            while true {
                let got = try capture.read(milliseconds: 500) { _ in }
                if got == 0 { break }
                taken += UInt64(got)
            }
            #expect(taken == first.seen - first.dropped)
            // The ring goes around more than once. Few frames each time: a block that is begun is
            // handed over after a tenth of a second, and there are two.
            for number in UInt8(0)..<8 {
                for _ in 0..<20 {
                    #expect(try guest.transmit(frame(number, size: 1500)) == .sent)
                }
                let expected = Array(repeating: frame(number, size: 1500), count: 20)
                #expect(try records(20, of: &capture).map(\.bytes) == expected)
            }
            let end = try capture.statistics()
            #expect(end.dropped == first.dropped)
            #expect(end.seen == first.seen + 160)
        }
    }

    @Test("a wait without frames ends in time")
    func quiet() throws {
        try inFreshNamespace {
            let device = try quietDevice("vif3.0")
            var capture = try PacketCapture(of: "vif3.0")
            let start = now()
            #expect(try capture.read(milliseconds: 300) { _ in } == 0)
            #expect((250_000_000...5_000_000_000).contains(now() - start))
            let middle = now()
            #expect(try capture.read(milliseconds: 0) { _ in } == 0)
            #expect(now() - middle < 250_000_000)
            #expect(try capture.statistics() == PacketCaptureStatistics())
            device.close()
        }
    }

    @Test("an interface that goes away says so after its last frame, one that is back is seen")
    func away() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var guest = try Endpoint("vif3.0", on: bridge)
            try run("ip link set vif3.0 down")
            var capture = try PacketCapture(of: "vif3.0")
            #expect(try capture.read(milliseconds: 0) { _ in } == 0)
            for round in UInt8(1)...2 {
                try run("ip link set vif3.0 up")
                #expect(try guest.transmit(frame(round)) == .sent)
                try run("ip link set vif3.0 down")
                #expect(try records(1, of: &capture).map(\.bytes) == [frame(round)])
                let error = #expect(throws: HostNetworkError.self) {
                    while try capture.read(milliseconds: 3000, { _ in }) > 0 {}
                }
                #expect(error?.errno == ENETDOWN)
                #expect(error?.subject == "vif3.0")
                #expect(error?.description.contains("went down or away") == true)
                #expect(try capture.read(milliseconds: 0) { _ in } == 0)
            }
        }
    }

    @Test("an interface that is not there is an error that names it")
    func missing() throws {
        try inFreshNamespace {
            let error = #expect(throws: HostNetworkError.self) {
                _ = try PacketCapture(of: "vif9.9")
            }
            #expect(error?.subject == "vif9.9")
            #expect(error?.errno == ENODEV)
            #expect(
                error?.description
                    == "capture vif9.9: there is no such interface in this network namespace: "
                    + "`ip link` lists them (errno 19)")
            let tooLong = #expect(throws: HostNetworkError.self) {
                _ = try PacketCapture(of: "sixteen-bytes-xx")
            }
            #expect(tooLong?.errno == ENAMETOOLONG)
        }
    }

    @Test("a capture that ends leaves neither descriptor nor mapping, nor changes the interface")
    func ending() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            let guest = try Endpoint("vif3.0", on: bridge)
            let before = try kernelView(of: "vif3.0")
            let capture = try PacketCapture(of: "vif3.0")
            #expect(fcntl(capture.descriptor, F_GETFD) & FD_CLOEXEC != 0)
            #expect(try run("grep -c . /proc/net/packet") == "2\n")
            #expect(try kernelView(of: "vif3.0") == before)
            capture.close()
            // The header alone: the kernel keeps a socket for as long as its ring is mapped.
            #expect(try run("grep -c . /proc/net/packet") == "1\n")
            #expect(fcntl(guest.device.descriptor, F_GETFD) >= 0)
        }
    }
}
