// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import Ring
import TestSupport
import Testing

@Suite("Packets of an honest guest", .timeLimit(.minutes(10)))
struct PacketPathTests {
    @Test("a packet of the guest reaches the host, and one of the host the guest")
    func onePacketEachWay() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let out = HostFrame(bytes: Frame.make(size: 60, number: 7))
        let back = HostFrame(bytes: Frame.make(size: 1500, number: 9))
        #expect(try device.send(out, guest))
        world.driver.deliver([back], to: device.vif)
        try world.settle()
        #expect(world.line(device).fromGuest == [out])
        #expect(device.received == [back])
        #expect(device.answers == (1, 0))
        world.expectNoComplaints()
    }

    @Test("a packet of the guest arrives whole however it is cut", arguments: 0..<12)
    func transmitShapes(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        var sent: [HostFrame] = []
        for number in 0..<40 {
            let count = Int.random(in: 1...18, using: &random)
            var pieces = (0..<count).map { _ in Int.random(in: 1...900, using: &random) }
            pieces[0] = max(pieces[0], 42)
            let frame = HostFrame(
                bytes: Frame.make(size: pieces.reduce(0, +), number: number))
            #expect(try device.send(frame, pieces: pieces, guest))
            sent.append(frame)
            if Bool.random(using: &random) { try world.settle() }
        }
        try world.settle()
        #expect(world.line(device).fromGuest == sent, "seed \(seed)")
        #expect(device.queues[0].outstanding == 0)
        world.expectNoComplaints()
    }

    @Test(
        "a frame of the largest size passes in both directions",
        arguments: [Frame.Kind.tcpv4, .tcpv6])
    func largest(kind: Frame.Kind) throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        // Eighteen slots: 65,535 bytes are sixteen pages, and the first and last are cut.
        let frame = HostFrame(
            bytes: Frame.make(kind, size: 65_535, number: 3, sum: .blank),
            header: Frame.header(kind, segmentSize: 1448))
        #expect(try device.send(frame, guest))
        world.driver.deliver([frame], to: device.vif)
        try world.settle()
        #expect(world.line(device).fromGuest == [frame])
        #expect(device.received == [frame])
        #expect(world.driver.statistics(of: device.vif).receiveSlots == 17)
        world.expectNoComplaints()
    }

    @Test(
        "frames pass whole both ways whatever tags stand before their payload",
        arguments: [1500, 9000], [0, 1, 2])
    func tags(payload: Int, count: Int) throws {
        let world = try World()
        for isWhole in [true, false] {
            var options = FrontendOptions()
            // A frontend without it takes one page of a frame, and gives one.
            if !isWhole { options.features.remove(.scatterGather) }
            guard isWhole || payload < 4096 else { continue }
            let guest = try world.addGuest()
            let device = try world.addDevice(to: guest, options: options)
            try world.settle()
            var bytes = Frame.make(size: payload + 14, number: count)
            // The inner tag, then the provider's before it.
            let tags: [[UInt8]] = [[0x81, 0x00, 0, 5], [0x88, 0xA8, 0, 7]]
            for tag in tags.prefix(count) { bytes.insert(contentsOf: tag, at: 12) }
            let frame = HostFrame(bytes: bytes)
            #expect(try device.send(frame, guest))
            world.driver.deliver([frame], to: device.vif)
            try world.settle()
            #expect(world.line(device).fromGuest == [frame])
            #expect(device.received == [frame])
        }
        world.expectNoComplaints()
    }

    @Test("eighteen slots with an extra info are forwarded as one packet")
    func eighteenSlots() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let frame = HostFrame(
            bytes: Frame.make(.tcpv4, size: 18 * 1000, sum: .blank),
            header: Frame.header(.tcpv4, segmentSize: 1000))
        #expect(
            try device.send(frame, pieces: [Int](repeating: 1000, count: 18), guest))
        try world.settle()
        #expect(world.line(device).fromGuest == [frame])
        #expect(world.driver.statistics(of: device.vif).transmitSlots == 19)
        #expect(device.answers == (18, 0))
        world.expectNoComplaints()
    }

    @Test("checksum flags pass both ways", arguments: Frame.Kind.allCases)
    func checksumFlags(kind: Frame.Kind) throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        var valid = VnetHeader()
        valid.flags = VnetHeader.dataValid
        var blank = Frame.header(kind)
        // The host is told where the headers end: it then need not look.
        blank.headerLength = UInt16(kind.headerLength)
        let out = [
            HostFrame(bytes: Frame.make(kind, number: 1)),
            HostFrame(bytes: Frame.make(kind, number: 2), header: valid),
            HostFrame(bytes: Frame.make(kind, number: 3, sum: .blank), header: blank),
        ]
        for frame in out { #expect(try device.send(frame, guest)) }
        var back = out
        back[2].header.headerLength = 0
        world.driver.deliver(back, to: device.vif)
        try world.settle()
        #expect(world.line(device).fromGuest == out)
        #expect(device.received == back)
        world.expectNoComplaints()
    }

    @Test("a blank IPv6 checksum is filled in for a guest that takes none")
    func filledIPv6() throws {
        let world = try World()
        var options = FrontendOptions()
        options.features.remove(.checksumIPv6)
        options.features.remove(.segmentationTCPv6)
        let (_, device) = try world.connectedDevice(options: options)
        for (number, kind) in Frame.Kind.allCases.enumerated() {
            world.driver.deliver(
                [
                    HostFrame(
                        bytes: Frame.make(kind, size: 777, number: number, sum: .blank),
                        header: Frame.header(kind))
                ], to: device.vif)
        }
        try world.settle()
        #expect(device.received.count == 4)
        for (kind, frame) in zip(Frame.Kind.allCases, device.received) {
            let isBlank = frame.header.flags & VnetHeader.needsChecksum != 0
            #expect(isBlank == !kind.isIPv6, "\(kind)")
            #expect(Frame.isSumRight(frame.bytes) == kind.isIPv6, "\(kind)")
        }
        world.expectNoComplaints()
    }

    @Test("headers in pieces as small as they may be are found", arguments: Frame.Kind.allCases)
    func gatheredHeaders(kind: Frame.Kind) throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        var blank = Frame.header(kind)
        blank.headerLength = UInt16(kind.headerLength)
        let frame = HostFrame(bytes: Frame.make(kind, size: 300, sum: .blank), header: blank)
        let pieces = [14] + [Int](repeating: 3, count: 16)
        #expect(try device.send(frame, pieces: pieces + [300 - 14 - 48], guest))
        try world.settle()
        #expect(world.line(device).fromGuest == [frame])
        world.expectNoComplaints()
    }

    @Test("a frame that the host refuses is answered with an error and the next one passes")
    func refused() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        world.line(device).refusals = 1
        for number in 0..<3 {
            #expect(try device.send(HostFrame(bytes: Frame.make(number: number)), guest))
        }
        try world.settle()
        #expect(world.line(device).fromGuest.map { Frame.number(of: $0.bytes) } == [1, 2])
        #expect(device.answers == (2, 1))
        #expect(world.driver.statistics(of: device.vif).transmitRefused == 1)
        world.expectNoComplaints()
    }

    @Test("a port that fails disables its queue alone, and is reported once")
    func portFailure() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let (otherGuest, other) = try world.connectedDevice()
        world.line(device).failure = PlatformError("read", errno: 77)
        for number in 0..<3 {
            #expect(try device.send(HostFrame(bytes: Frame.make(number: number)), guest))
            #expect(try other.send(HostFrame(bytes: Frame.make(number: number)), otherGuest))
            try world.settle()
        }
        #expect(world.driver.reports(.warning, of: device.vif).count == 1)
        #expect(try world.errorNode(device.vif)?.contains("errno 77") == true)
        #expect(world.line(other).fromGuest.count == 3)
        #expect(try world.errorNode(other.vif) == nil)
    }

    @Test("every failing grant copy costs its own packet alone", arguments: 0..<12)
    func transmitCopyFailure(failing: Int) throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        // One step of four packets with 3, 1, 5 and 3 copies.
        let counts = [3, 1, 5, 3]
        world.driver.log.failingCopies = [world.driver.log.copyCount + failing]
        for (number, count) in counts.enumerated() {
            let frame = HostFrame(bytes: Frame.make(size: count * 100, number: number))
            #expect(
                try device.send(frame, pieces: [Int](repeating: 100, count: count), guest))
        }
        var first = 0
        let lost = counts.firstIndex { count in
            first += count
            return failing < first
        }
        try world.settle()
        let arrived = world.line(device).fromGuest.map { Frame.number(of: $0.bytes) }
        #expect(arrived == (0..<4).filter { $0 != lost })
        let lostSlots = UInt64(counts[try #require(lost)])
        #expect(device.answers == (12 - lostSlots, lostSlots))
        #expect(world.driver.statistics(of: device.vif).transmitCopyFailures == 1)
        world.expectNoComplaints()
    }

    @Test("every failing grant copy to the guest costs its own packet alone", arguments: 0..<12)
    func receiveCopyFailure(failing: Int) throws {
        let world = try World()
        let (_, device) = try world.connectedDevice()
        let counts = [3, 1, 5, 3]
        world.driver.log.failingCopies = [world.driver.log.copyCount + failing]
        world.driver.deliver(
            counts.enumerated().map { number, count in
                HostFrame(bytes: Frame.make(size: count * 4096 - 100, number: number))
            }, to: device.vif)
        var first = 0
        let lost = counts.firstIndex { count in
            first += count
            return failing < first
        }
        try world.settle()
        let arrived = device.received.map { Frame.number(of: $0.bytes) }
        #expect(arrived == (0..<4).filter { $0 != lost })
        #expect(world.driver.statistics(of: device.vif).receiveCopyFailures == 1)
        let lostSlots = UInt64(counts[try #require(lost)])
        #expect(device.queues[0].count(of: .receiveErrorStatus) == lostSlots)
    }

    @Test("a batch of copies that fails as a whole disables the queue, and reconnecting helps")
    func batchFailure() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        world.driver.log.batchFailure = PlatformError("GNTTABOP_copy", errno: 14)
        #expect(try device.send(HostFrame(bytes: Frame.make()), guest))
        try world.settle()
        // The service itself failed: no status is valid, so the queue cannot go on.
        #expect(world.driver.reports(.warning, of: device.vif).count == 1)
        try device.close(guest)
        try world.settle()
        try device.front.reopen(&guest.store)
        try world.settle()
        #expect(device.isConnected)
        #expect(try device.send(HostFrame(bytes: Frame.make(number: 5)), guest))
        try world.settle()
        #expect(world.line(device).fromGuest.map { Frame.number(of: $0.bytes) } == [5])
    }
}
