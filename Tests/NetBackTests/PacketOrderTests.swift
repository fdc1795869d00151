// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import Ring
import TestSupport
import Testing

@Suite("Order, wake-ups and counters of the packet path", .timeLimit(.minutes(10)))
struct PacketOrderTests {
    /// Traffic in both directions in a random order of turns, over the wrap of every index.
    @Test("nothing is lost, doubled or out of order in any order of turns", arguments: 0..<10)
    func randomTraffic(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let world = try World()
        var options = FrontendOptions()
        options.splitsEventChannels = seed % 2 == 0
        let (guest, device) = try world.connectedDevice(options: options) { device in
            device.start = RingIndex(UInt32.max - UInt32.random(in: 0...300, using: &random))
            device.receiveIDs = seed % 3 == 0 ? .scattered : .slot
        }
        var (sent, delivered): ([Int], [Int]) = ([], [])
        for number in 0..<500 {
            let size = Self.randomSize(&random)
            if Bool.random(using: &random) {
                let frame = HostFrame(bytes: Frame.make(size: size, number: number))
                if try device.send(frame, guest) { sent.append(number) }
            } else {
                let small = min(size, 1514)
                world.driver.deliver(
                    [HostFrame(bytes: Frame.make(size: small, number: number))],
                    to: device.vif)
                delivered.append(number)
            }
            try world.stepRandomly(Int.random(in: 0...3, using: &random), &random)
        }
        try world.settle()
        let line = world.line(device)
        #expect(line.fromGuest.map { Frame.number(of: $0.bytes) } == sent, "seed \(seed)")
        #expect(device.received.map { Frame.number(of: $0.bytes) } == delivered, "seed \(seed)")
        #expect(device.idleEvents <= 2, "events with nothing published, seed \(seed)")
        #expect(device.queues[0].outstanding == 0)
        world.expectNoComplaints()

        let ours = world.driver.statistics(of: device.vif)
        let theirs = device.queues[0].statistics
        #expect(ours.transmitPackets == theirs.transmitPackets)
        #expect(ours.transmitBytes == theirs.transmitBytes)
        #expect(ours.transmitSlots == theirs.transmitSlots)
        #expect(ours.receivePackets == theirs.receivePackets)
        #expect(ours.receiveBytes == theirs.receiveBytes)
        #expect(ours.receiveSlots == theirs.receiveSlots)
    }

    private static func randomSize(_ random: inout SplitMix64) -> Int {
        Int.random(in: 0..<4, using: &random) == 0
            ? Int.random(in: 46...40_000, using: &random)
            : Int.random(in: 46...1514, using: &random)
    }

    @Test("a host that always has frames waits for the guest's buffers and fills them all")
    func starvedAndRefilled() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let frames = (0..<1500).map { HostFrame(bytes: Frame.make(size: 1000, number: $0)) }
        world.driver.deliver(frames, to: device.vif)
        // The guest sleeps: its 256 buffers fill as far as the largest frame leaves room.
        for _ in 0..<20 { _ = try world.driver.workerStep() }
        let before = world.driver.statistics(of: device.vif)
        #expect(before.receivePackets == 256 - 17)
        #expect(before.receiveStarved == 1)
        #expect(world.line(device).waitingCount == 1500 - (256 - 17))
        #expect(try !world.driver.workerStep())
        _ = try guest.step()
        try world.settle()
        #expect(device.received.map { Frame.number(of: $0.bytes) } == Array(0..<1500))
        #expect(world.line(device).waitingCount == 0)
        world.expectNoComplaints()
    }

    @Test("an idle queue is told nothing, whatever turns it gets")
    func silence() throws {
        let world = try World()
        let (_, device) = try world.connectedDevice()
        let notified = world.driver.log.notifyCount
        for _ in 0..<10 { #expect(try !world.driver.workerStep()) }
        #expect(world.driver.log.notifyCount == notified)
        #expect(device.idleEvents <= 2)
    }

    @Test("events without requests are taken and answered by silence")
    func emptyEvents() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let notified = world.driver.log.notifyCount
        for _ in 0..<50 {
            try device.queues[0].notify(guest)
            try world.settle()
        }
        #expect(world.driver.log.notifyCount == notified)
        #expect(world.driver.statistics(of: device.vif).events >= 50)
    }

    @Test("frames that no guest can take are dropped without keeping the others waiting")
    func oversizedFlood() throws {
        let world = try World()
        var options = FrontendOptions()
        options.features = [.receiveCopy, .receiveNotify, .checksumIPv4]
        let (_, device) = try world.connectedDevice(options: options)
        let (otherGuest, other) = try world.connectedDevice()
        // Without scatter-gather a frame must fit in one page.
        world.line(device).endless = HostFrame(bytes: Frame.make(size: 5000))
        world.driver.deliver([], to: device.vif)
        #expect(try other.send(HostFrame(bytes: Frame.make()), otherGuest))
        let read = world.line(device).readCount
        _ = try world.driver.workerStep()
        #expect(world.line(device).readCount - read <= 64)
        #expect(world.line(other).fromGuest.count == 1)
        world.line(device).endless = nil
        world.driver.deliver([HostFrame(bytes: Frame.make(number: 4))], to: device.vif)
        try world.settle()
        #expect(device.received.map { Frame.number(of: $0.bytes) } == [4])
        world.expectNoComplaints()
    }

    @Test("a polite guest is served within one turn of a flooding one")
    func fairness() throws {
        let world = try World()
        let (flooder, flooding) = try world.connectedDevice()
        let (guest, polite) = try world.connectedDevice()
        for turn in 0..<30 {
            while try flooding.send(HostFrame(bytes: Frame.make(size: 60)), flooder) {}
            #expect(try polite.send(HostFrame(bytes: Frame.make(number: turn)), guest))
            _ = try world.driver.workerStep()
            #expect(world.line(polite).fromGuest.count == turn + 1)
            for guest in world.guests { _ = try guest.step() }
        }
        #expect(world.line(flooding).fromGuest.count > 1000)
        try world.settle()
        world.expectNoComplaints()
    }
}
