// SPDX-License-Identifier: Apache-2.0
import NetBack
import Netif
import Platform
import TestSupport
import Testing

@Suite("Frames that go to the host together", .timeLimit(.minutes(10)))
struct FrameBatchTests {
    @Test("what a guest sent before a turn goes to the port in one batch, in its order")
    func oneBatch() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let frames = (0..<20).map { HostFrame(bytes: Frame.make(size: 60 + $0, number: $0)) }
        for frame in frames { #expect(try device.send(frame, guest)) }
        try world.settle()
        #expect(world.line(device).batchSizes == [20])
        #expect(world.line(device).fromGuest == frames)
        #expect(device.answers == (20, 0))
        world.expectNoComplaints()
    }

    @Test("no answer is visible before the port has said what became of the frames")
    func answersComeAfter() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let queue = device.queues[0]
        let before = try #require(queue.publishedAnswers)
        var seen: [UInt32?] = []
        world.line(device).afterTransmit = { seen.append(queue.publishedAnswers) }
        for number in 0..<7 {
            #expect(try device.send(HostFrame(bytes: Frame.make(number: number)), guest))
        }
        _ = try world.driver.workerStep()
        world.line(device).afterTransmit = nil
        #expect(seen == [before])
        #expect(queue.publishedAnswers == before + 7)
        try world.settle()
        world.expectNoComplaints()
    }

    @Test("refused frames of a batch cost their own packets alone", arguments: 0..<20)
    func partialRefusal(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let count = Int.random(in: 2...40, using: &random)
        let line = world.line(device)
        var (refused, uncopied, slots): (Set<Int>, Set<Int>, [Int]) = ([], [], [])
        var copies = world.driver.log.copyCount
        var offered = 0
        for number in 0..<count {
            let pieces = [Int](repeating: 60, count: Int.random(in: 1...5, using: &random))
            slots.append(pieces.count)
            // A packet whose copy failed is never offered to the port.
            if Int.random(in: 0..<4, using: &random) == 0 {
                uncopied.insert(number)
                world.driver.log.failingCopies.insert(
                    copies + Int.random(in: 0..<pieces.count, using: &random))
            } else {
                if Int.random(in: 0..<3, using: &random) == 0 {
                    refused.insert(number)
                    line.refused.insert(line.offeredCount + offered)
                }
                offered += 1
            }
            copies += pieces.count
            let frame = HostFrame(bytes: Frame.make(size: 60 * pieces.count, number: number))
            #expect(try device.send(frame, pieces: pieces, guest))
        }
        try world.settle()
        let lost = refused.union(uncopied)
        let arrived = line.fromGuest.map { Frame.number(of: $0.bytes) }
        #expect(arrived == (0..<count).filter { !lost.contains($0) }, "seed \(seed)")
        #expect(line.batchSizes == (offered > 0 ? [offered] : []), "seed \(seed)")
        let lostSlots = UInt64(lost.reduce(0) { $0 + slots[$1] })
        let allSlots = UInt64(slots.reduce(0, +))
        #expect(device.answers == (allSlots - lostSlots, lostSlots), "seed \(seed)")
        let statistics = world.driver.statistics(of: device.vif)
        #expect(statistics.transmitRefused == UInt64(refused.count), "seed \(seed)")
        #expect(statistics.transmitCopyFailures == UInt64(uncopied.count), "seed \(seed)")
        world.expectNoComplaints()
    }

    @Test("a port that fails in the middle leaves the whole step unanswered")
    func failure() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let before = try #require(device.queues[0].publishedAnswers)
        for number in 0..<3 {
            #expect(try device.send(HostFrame(bytes: Frame.make(number: number)), guest))
        }
        world.line(device).failure = PlatformError("io_uring write to a TAP", errno: 77)
        try world.settle()
        #expect(device.queues[0].publishedAnswers == before)
        #expect(world.driver.reports(.warning, of: device.vif).count == 1)
    }
}
