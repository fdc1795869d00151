// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import TestSupport
import Testing

@Suite("How sparingly event channels are used", .timeLimit(.minutes(10)))
struct EventChannelUseTests {
    private static func options(split: Bool) -> FrontendOptions {
        var options = FrontendOptions()
        options.splitsEventChannels = split
        return options
    }

    @Test(
        "a guest that is always ahead costs no events and no unmasking", arguments: [true, false])
    func busy(isSplit: Bool) throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice(options: Self.options(split: isSplit))
        var number = 0
        func fill() throws {
            while try device.send(HostFrame(bytes: Frame.make(size: 60, number: number)), guest) {
                number += 1
            }
        }
        try fill()
        _ = try world.driver.workerStep()
        let (events, unmasked) = (world.driver.log.eventCount, world.driver.log.unmaskCount)
        for _ in 0..<20 {
            for guest in world.guests { _ = try guest.step() }
            try fill()
            _ = try world.driver.workerStep()
        }
        #expect(world.driver.log.eventCount == events)
        #expect(world.driver.log.unmaskCount == unmasked)
        try world.settle()
        #expect(
            world.line(device).fromGuest.map { Frame.number(of: $0.bytes) } == Array(0..<number))
        world.expectNoComplaints()
    }

    @Test("what a guest sends between the last look and the unmasking is served")
    func lastMoment() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        var sent = 0
        var failure: (any Error)?
        world.driver.log.beforeUnmask = {
            guard sent > 0, sent < 20 else { return }
            do {
                let frame = HostFrame(bytes: Frame.make(size: 60, number: sent))
                if try device.send(frame, guest) { sent += 1 }
            } catch { failure = error }
        }
        #expect(try device.send(HostFrame(bytes: Frame.make(size: 60, number: 0)), guest))
        sent = 1
        try world.settle()
        world.driver.log.beforeUnmask = nil
        #expect(failure == nil)
        #expect(sent == 20)
        #expect(world.line(device).fromGuest.map { Frame.number(of: $0.bytes) } == Array(0..<20))
        world.expectNoComplaints()
    }

    @Test("buffers that a guest posts between the last look and the unmasking are used")
    func lastBuffers() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        var steps = 0
        var failure: (any Error)?
        world.driver.log.beforeUnmask = {
            do { if try guest.step() { steps += 1 } } catch { failure = error }
        }
        let frames = (0..<1500).map { HostFrame(bytes: Frame.make(size: 1000, number: $0)) }
        world.driver.deliver(frames, to: device.vif)
        // The guest sleeps until its buffers are used up, and steps in at the very last moment.
        for _ in 0..<10 { _ = try world.driver.workerStep() }
        #expect(steps > 0)
        try world.settle()
        world.driver.log.beforeUnmask = nil
        #expect(failure == nil)
        #expect(device.received.map { Frame.number(of: $0.bytes) } == Array(0..<1500))
        world.expectNoComplaints()
    }

    @Test("a guest whose buffers are never short is not asked to announce them")
    func plentyOfBuffers() throws {
        let world = try World()
        let (_, device) = try world.connectedDevice()
        let unmasked = world.driver.log.unmaskCount
        for number in 0..<100 {
            world.driver.deliver([HostFrame(bytes: Frame.make(number: number))], to: device.vif)
            try world.settle()
        }
        #expect(device.received.count == 100)
        #expect(world.driver.log.unmaskCount == unmasked)
        #expect(world.driver.statistics(of: device.vif).receiveStarved == 0)
    }

    @Test("one channel for both rings: a busy Tx ring does not keep the Rx ring waiting")
    func sharedChannel() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice(options: Self.options(split: false))
        let frames = (0..<600).map {
            HostFrame(bytes: Frame.make(size: 12_000, number: $0))
        }
        world.driver.deliver(frames, to: device.vif)
        for turn in 0..<200 {
            while try device.send(HostFrame(bytes: Frame.make(size: 60)), guest) {}
            _ = try world.driver.workerStep()
            // The guest is slow to post buffers, yet its Tx ring never runs empty.
            if turn % 8 == 0 { _ = try guest.step() }
        }
        #expect(world.driver.statistics(of: device.vif).receiveStarved > 0)
        #expect(device.received.map { Frame.number(of: $0.bytes) } == Array(0..<600))
        try world.settle()
        world.expectNoComplaints()
    }

    @Test("a step takes a quarter of a megabyte from the host and no more, and nothing is left")
    func shortSteps() throws {
        let world = try World()
        let (_, device) = try world.connectedDevice(options: Self.options(split: true))
        let frames = (0..<60).map { HostFrame(bytes: Frame.make(size: 12_000, number: $0)) }
        world.driver.deliver(frames, to: device.vif)
        // Three pages each: the 22nd begins before the 64th page.
        _ = try world.driver.workerStep()
        #expect(world.line(device).readCount == 22)
        try world.settle()
        #expect(device.received.map { Frame.number(of: $0.bytes) } == Array(0..<60))
        world.expectNoComplaints()
    }

    @Test("a guest that sends events without end to a disabled queue is heard once")
    func disabled() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        world.line(device).failure = PlatformError("writev to a TAP", errno: 77)
        #expect(try device.send(HostFrame(bytes: Frame.make()), guest))
        try world.settle()
        let events = world.driver.log.eventCount
        for _ in 0..<50 {
            try device.queues[0].notify(guest)
            try world.settle()
        }
        #expect(world.driver.log.eventCount <= events + 1)
    }

    @Test("a fault of one half ends the other half's work, too", arguments: [true, false])
    func bothHalves(isSplit: Bool) throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice(options: Self.options(split: isSplit))
        world.driver.log.batchFailure = PlatformError("GNTTABOP_copy", errno: 14)
        #expect(try device.send(HostFrame(bytes: Frame.make()), guest))
        try world.settle()
        #expect(world.driver.reports(.warning, of: device.vif).count == 1)
        let read = world.line(device).readCount
        world.driver.deliver([HostFrame(bytes: Frame.make(number: 1))], to: device.vif)
        try world.settle()
        #expect(world.line(device).readCount == read)
        #expect(device.received.isEmpty)
        #expect(world.driver.reports(.warning, of: device.vif).count == 1)
    }
}
