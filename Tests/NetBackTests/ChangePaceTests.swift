// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Platform
import TestSupport
import Testing

@Suite("How often a frontend's state is looked at")
struct ChangePaceTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    @Test("a burst is looked at as it comes, then one change in each interval")
    func burst() {
        var pace = ChangePace(at: Self.start)
        for _ in 0..<ChangePace.burst { #expect(pace.ask(at: Self.start) == .look) }
        var end = Self.start.advanced(byNanoseconds: ChangePace.interval)
        #expect(pace.ask(at: Self.start) == .wait(until: end, isFirst: true))
        for _ in 0..<5 {
            #expect(pace.ask(at: end) == .look)
            let next = end.advanced(byNanoseconds: ChangePace.interval)
            #expect(pace.ask(at: end) == .wait(until: next, isFirst: false))
            end = next
        }
    }

    @Test("whoever rested long enough begins anew, and is not ahead of it")
    func rest() {
        var pace = ChangePace(at: Self.start)
        for _ in 0...ChangePace.burst { _ = pace.ask(at: Self.start) }
        let later = Self.start.advanced(byNanoseconds: 1000 * ChangePace.interval)
        for _ in 0..<ChangePace.burst { #expect(pace.ask(at: later) == .look) }
        let end = later.advanced(byNanoseconds: ChangePace.interval)
        #expect(pace.ask(at: later) == .wait(until: end, isFirst: true))
    }

    @Test("in any time no more are looked at than the pace allows", arguments: 0..<50)
    func bound(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var now = Instant(nanoseconds: .random(in: 0..<1 << 62, using: &random))
        let start = now
        var pace = ChangePace(at: now)
        var looks: UInt64 = 0
        for _ in 0..<5000 {
            now = now.advanced(
                byNanoseconds: .random(in: 0..<ChangePace.interval / 4, using: &random))
            // A clock that stands or goes back gives nothing.
            if pace.ask(at: Bool.random(using: &random) ? now : start) == .look { looks += 1 }
        }
        let allowed = ChangePace.burst + now.nanoseconds(since: start) / ChangePace.interval
        #expect(looks <= allowed, "seed \(seed)")
        #expect(looks + 2 >= allowed, "seed \(seed)")
    }

    @Test("a guest that reconnects in a loop is opened a bounded number of times, and at last well")
    func reconnects() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let (quietGuest, quiet) = try world.connectedDevice()
        for _ in 0..<200 {
            if device.isConnected { try device.close(guest) }
            if device.front.phase == .closed { try device.front.reopen(&guest.store) }
            for _ in 0..<20 {
                _ = try world.driver.controlStep()
                _ = try world.driver.workerStep()
                _ = try guest.step()
            }
        }
        let opened = world.driver.connections.count { $0.vif == device.vif }
        #expect(opened > 2)
        #expect(opened <= Int(ChangePace.burst))
        let warnings = world.driver.reports(.warning, of: device.vif)
        #expect(warnings == ["the frontend writes its state too often: looked at every 250 ms"])
        #expect(try quiet.send(HostFrame(bytes: Frame.make(number: 1)), quietGuest))
        try world.settle()
        #expect(world.line(quiet).fromGuest.count == 1)
        if device.front.phase == .closed {
            try device.front.reopen(&guest.store)
            try world.settle()
        }
        #expect(device.isConnected)
        world.expectNoComplaints()
    }
}
