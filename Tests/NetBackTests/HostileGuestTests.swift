// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import Ring
import SharedMemory
import TestSupport
import Testing

@Suite("Guests that break every rule", .timeLimit(.minutes(10)))
struct HostileGuestTests {
    /// A worker's turn asks at most for this much: for each queue and direction a ring's worth
    /// of copies and a notification, and the events of the turn.
    private static let operationsPerTurnMax = 2 * 2 * (256 + 1) + 256

    /// Slots that are fatal for their queue, with the words of the report.
    static let fatal: [(name: String, slots: [SlotWords], words: String)] = [
        (
            "extra infos past the published", [HostileGuest.request(size: 60, flags: .extraInfo)],
            "extra infos run past"
        ),
        (
            "a type of extra info of 0",
            [
                HostileGuest.request(size: 60, flags: .extraInfo),
                ExtraInfo(type: 0, hasMore: false).slot,
            ],
            "extra info of type 0"
        ),
        (
            "an unknown type of extra info",
            [
                HostileGuest.request(size: 60, flags: .extraInfo),
                ExtraInfo(type: 5, hasMore: false).slot,
            ],
            "extra info of type 5"
        ),
        (
            "a chain of extra infos that repeats itself",
            [HostileGuest.request(size: 60, flags: .extraInfo)]
                + [SlotWords](repeating: ExtraInfo(type: 4, hasMore: true).slot, count: 12),
            "extra infos in one packet"
        ),
        (
            "data past the published", [HostileGuest.request(size: 600, flags: .moreData)],
            "more_data runs past"
        ),
        (
            "twenty data slots",
            [HostileGuest.request(size: 2000, flags: .moreData)]
                + [SlotWords](
                    repeating: HostileGuest.request(size: 10, flags: .moreData), count: 20),
            "20 or more data slots"
        ),
        (
            "bytes past the page's end", [HostileGuest.request(size: 100, offset: 4000)],
            "cross the end"
        ),
        (
            "a later piece past the page's end",
            [
                HostileGuest.request(size: 200, flags: .moreData),
                HostileGuest.request(size: 100, offset: 4090),
            ],
            "cross the end"
        ),
        (
            "segments of nothing",
            [
                HostileGuest.request(size: 60, flags: .extraInfo),
                ExtraInfo(type: 1, hasMore: false, payload0: 0, payload1: 1).slot,
            ],
            "segments of 0"
        ),
        (
            "segments of an unknown protocol",
            [
                HostileGuest.request(size: 60, flags: .extraInfo),
                ExtraInfo(type: 1, hasMore: false, payload0: 1000, payload1: 3).slot,
            ],
            "segmentation of type 3"
        ),
    ]

    @Test("what is fatal disables that queue alone, once, and reconnecting helps")
    func fatalFaults() throws {
        for (name, slots, words) in Self.fatal {
            let world = try World()
            let (guest, device) = try world.connectedDevice()
            let hostile = try HostileGuest(world)
            #expect(hostile.isConnected)
            // What came before the fault is served.
            try hostile.send([HostileGuest.request(size: 60, id: 9)] + slots)
            #expect(try device.send(HostFrame(bytes: Frame.make()), guest))
            try world.settle()
            #expect(try hostile.takeAnswers() == [TransmitResponse(id: 9, status: 0)], "\(name)")
            for _ in 0..<20 {
                try hostile.ring()
                try world.settle()
            }
            let reports = world.driver.reports(.warning, of: hostile.vif)
            #expect(reports.count == 1, "\(name): \(reports)")
            #expect(try world.errorNode(hostile.vif)?.contains(words) == true, "\(name)")
            #expect(world.line(device).fromGuest.count == 1, "\(name)")
            #expect(world.driver.reports(.warning, of: device.vif).isEmpty)
            try hostile.reconnect(world)
            #expect(try world.errorNode(hostile.vif) == nil, "\(name)")
            try hostile.send([HostileGuest.request(size: 60, id: 3)])
            try world.settle()
            #expect(try hostile.takeAnswers() == [TransmitResponse(id: 3, status: 0)], "\(name)")
        }
    }

    @Test("an index that claims more than the ring holds, or goes back, is fatal for that queue")
    func producerOverrun() throws {
        for (page, distance) in [
            (HostileGuest.transmitPage, UInt32(257)), (HostileGuest.transmitPage, 1 << 31),
            (HostileGuest.receivePage, 257), (HostileGuest.transmitPage, .max),
            (HostileGuest.receivePage, .max),
        ] {
            let world = try World()
            let hostile = try HostileGuest(world)
            try hostile.setProducer(page: page, to: (UInt32.max - 20) &+ distance)
            world.driver.deliver([HostFrame(bytes: Frame.make())], to: hostile.vif)
            try world.settle()
            #expect(world.driver.reports(.warning, of: hostile.vif).count == 1)
            try hostile.reconnect(world)
            try hostile.send([HostileGuest.request(size: 60, id: 3)])
            try world.settle()
            #expect(try hostile.takeAnswers().count == 1)
        }
    }

    @Test("rings that are impossible at the connect are refused")
    func impossibleRings() throws {
        let world = try World()
        let guest = try world.addGuest()
        let device = try world.addDevice(to: guest)
        _ = try world.driver.controlStep()
        _ = try guest.step()
        let words = guest.domain.words(ofPage: 0)
        let responses = words.loadAcquire(at: RingLayout.responseProducer)
        words.storeRelease(responses &+ 300, at: RingLayout.requestProducer)
        try world.settle()
        #expect(try world.node(device.vif, "state") == "6")
        #expect(try world.errorNode(device.vif)?.contains("Tx ring") == true)
        #expect(world.driver.log.mapCount == world.driver.log.unmapCount)
        #expect(world.driver.log.bindCount == world.driver.log.unbindCount)
    }

    @Test("what is a mistake is answered with errors in every slot, and the queue lives")
    func mistakes() throws {
        let more = TransmitFlags.moreData
        let piece = HostileGuest.request(size: 10, flags: more)
        let mistakes: [(String, [SlotWords], Int)] = [
            (
                "eighteen slots are too few by one",
                [HostileGuest.request(size: 1000, flags: more)]
                    + [SlotWords](repeating: piece, count: 17) + [HostileGuest.request(size: 10)],
                19
            ),
            (
                "sizes that do not add up",
                [HostileGuest.request(size: 50, flags: more), HostileGuest.request(size: 100)], 2
            ),
            ("no Ethernet header", [HostileGuest.request(size: 13)], 1),
            (
                "a first piece that others leave nothing",
                [HostileGuest.request(size: 60, flags: more), HostileGuest.request(size: 60)], 2
            ),
            ("a grant for another", [HostileGuest.request(size: 60, reference: 30_000)], 1),
            (
                "a grant outside of the table",
                [HostileGuest.request(size: 60, reference: .max)], 1
            ),
            (
                "a blank checksum without a field for it",
                [HostileGuest.request(size: 60, flags: .checksumBlank)], 1
            ),
        ]
        let world = try World()
        let hostile = try HostileGuest(world)
        for (name, slots, count) in mistakes {
            try hostile.send(slots + [HostileGuest.request(size: 60, id: 5)])
            try world.settle()
            let answers = try hostile.takeAnswers()
            #expect(answers.count == count + 1, "\(name)")
            #expect(answers.dropLast().allSatisfy { $0.status == ResponseStatus.error }, "\(name)")
            #expect(answers.last == TransmitResponse(id: 5, status: 0), "\(name)")
        }
        #expect(world.driver.reports(.warning, of: hostile.vif).isEmpty)
    }

    @Test(
        "a large packet that forgot to say that its checksum is blank is mended",
        arguments: [Frame.Kind.tcpv4, .tcpv6], [[3000], [14, 30, 2956]])
    func mended(kind: Frame.Kind, pieces: [Int]) throws {
        let world = try World()
        let hostile = try HostileGuest(world)
        let frame = Frame.make(kind, size: 3000, number: 6)
        var (slots, done): ([SlotWords], Int) = ([], 0)
        for (position, count) in pieces.enumerated() {
            hostile.guest.write(Array(frame[done..<done + count]), page: 2 + position)
            done += count
            slots.append(
                HostileGuest.request(
                    size: position == 0 ? 3000 : count,
                    flags: TransmitFlags(rawValue: done < 3000 ? 4 : 0)
                        .union(position == 0 ? .extraInfo : []),
                    id: UInt16(position),
                    reference: HostileGuest.firstGrant + 2 + UInt32(position)))
        }
        let segmentation = SegmentationOffload(size: 1000, kind: kind.isIPv6 ? .tcpv6 : .tcpv4)
        slots.insert(ExtraInfo(segmentation: segmentation).slot, at: 1)
        try hostile.send(slots)
        try world.settle()
        let expected = HostFrame(
            bytes: Frame.make(kind, size: 3000, number: 6, sum: .blank),
            header: Frame.header(kind, segmentSize: 1000))
        #expect(world.driver.line(hostile.vif).fromGuest == [expected])
        #expect(world.driver.statistics(of: hostile.vif).transmitChecksumMended == 1)
        // The answer to an extra info follows that of its packet's first slot.
        let statuses = try hostile.takeAnswers().map(\.status)
        #expect(statuses == [0, 1] + [Int16](repeating: 0, count: pieces.count - 1))
    }

    @Test("a piece of no bytes is answered with success and never copied")
    func emptyPieces() throws {
        let world = try World()
        let hostile = try HostileGuest(world)
        let copies = world.driver.log.copyCount
        let empty = HostileGuest.request(size: 0, flags: .moreData, reference: .max)
        try hostile.send(
            [HostileGuest.request(size: 60, flags: .moreData)] + [empty, empty]
                + [HostileGuest.request(size: 10)])
        try world.settle()
        #expect(try hostile.takeAnswers().map(\.status) == [0, 0, 0, 0])
        #expect(world.driver.log.copyCount - copies == 2)
    }

    @Test("slots that are rewritten after they were read change nothing")
    func doubleFetch() throws {
        let world = try World()
        let hostile = try HostileGuest(world)
        let frames = (0..<3).map { Frame.make(size: 200, number: $0) }
        for (number, frame) in frames.enumerated() { hostile.guest.write(frame, page: 2 + number) }
        let words = hostile.guest.domain.words(ofPage: HostileGuest.transmitPage)
        world.driver.log.afterCopy = {
            for word in RingLayout.firstSlot..<1024 { words.storeRelaxed(.max, at: word) }
        }
        try hostile.send(
            (0..<3).map {
                HostileGuest.request(
                    size: 200, id: UInt16(40 + $0),
                    reference: HostileGuest.firstGrant + 2 + UInt32($0))
            })
        _ = try world.driver.workerStep()
        world.driver.log.afterCopy = nil
        #expect(world.driver.line(hostile.vif).fromGuest.map(\.bytes) == frames)
        #expect(try hostile.takeAnswers().map(\.id) == [40, 41, 42])
    }

    @Test("a frame waits until the guest has posted the last buffer that the largest may need")
    func seventeenOfEighteen() throws {
        let world = try World()
        let hostile = try HostileGuest(world)
        try hostile.post(17)
        world.driver.deliver([HostFrame(bytes: Frame.make(number: 8))], to: hostile.vif)
        try world.settle()
        #expect(try hostile.takeReceived().isEmpty)
        #expect(world.driver.line(hostile.vif).waitingCount == 1)
        try hostile.post(1)
        try world.settle()
        #expect(try hostile.takeReceived().map(\.status) == [100])
        #expect(world.driver.line(hostile.vif).waitingCount == 0)
    }

    @Test("buffers that cannot be written cost the frame, not the queue")
    func readOnlyBuffers() throws {
        let world = try World()
        let hostile = try HostileGuest(world)
        let words = hostile.guest.domain.words(ofPage: HostileGuest.receivePage)
        try hostile.post(40)
        // The first buffer of the ring is one that is granted for reading only.
        let slot = RingIndex(.max - 20).slot(of: ReceiveFormat.slotCount)
        words.storeRelaxed(
            HostileGuest.firstGrant + 20, at: RingLayout.firstSlot + slot * 2 + 1)
        world.driver.deliver(
            (0..<2).map { HostFrame(bytes: Frame.make(number: $0)) }, to: hostile.vif)
        try world.settle()
        #expect(try hostile.takeReceived().map(\.status) == [-1, 100])
        #expect(world.driver.reports(.warning, of: hostile.vif).isEmpty)
    }

    @Test(
        "whatever a guest writes, an honest one on the same worker loses nothing",
        arguments: 0..<40)
    func randomGarbage(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let hostile = try HostileGuest(world, start: .random(in: 0 ... .max, using: &random))
        var (number, disabledCount) = (0, 0)
        for _ in 0..<50 {
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                try hostile.misbehave(&random)
                world.driver.deliver(
                    [HostFrame(bytes: Frame.make(size: 60 + number))], to: hostile.vif)
            }
            #expect(try device.send(HostFrame(bytes: Frame.make(number: number)), guest))
            world.driver.deliver(
                [HostFrame(bytes: Frame.make(number: number))], to: device.vif)
            number += 1
            try world.settle()
            let reports = world.driver.reports(.warning, of: hostile.vif)
                .count { $0.hasPrefix("disabled: ") }
            try #require(reports <= disabledCount + 1, "one report for a fault, seed \(seed)")
            if reports > disabledCount {
                disabledCount = reports
                try hostile.reconnect(world, start: .random(in: 0 ... .max, using: &random))
                try #require(hostile.isConnected, "seed \(seed)")
            }
        }
        let expected = Array(0..<number)
        #expect(
            world.line(device).fromGuest.map { Frame.number(of: $0.bytes) } == expected,
            "seed \(seed)")
        #expect(
            device.received.map { Frame.number(of: $0.bytes) } == expected, "seed \(seed)")
        #expect(disabledCount > 0, "seed \(seed)")
        #expect(world.driver.operationsPerTurnMax <= Self.operationsPerTurnMax)
        world.expectNoComplaints()
    }
}
