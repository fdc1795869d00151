// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import TestSupport
import Testing

@Suite("Guests that die", .timeLimit(.minutes(10)))
struct GuestDeathTests {
    /// Turns of backend, worker or guest from the attach to well after the first packet.
    private static let turns = 72

    /// What a guest can be taken from.
    enum Moment: CaseIterable { case connecting, closing, reconnecting }

    @Test(
        "a guest that dies at any step is cleared away, and its neighbour does not notice",
        arguments: 0..<turns, Moment.allCases)
    func anyStep(turn: Int, moment: Moment) throws {
        let world = try World()
        let (neighbourGuest, neighbour) = try world.connectedDevice()
        let guest = try world.addGuest()
        let device = try world.addDevice(to: guest)
        if moment != .connecting {
            try world.settle()
            try device.close(guest)
        }
        if moment == .reconnecting {
            try world.settle()
            try device.front.reopen(&guest.store)
        }
        for number in 0..<turn {
            switch number % 3 {
            case 0: _ = try world.driver.controlStep(watchBudget: 1)
            case 1: _ = try world.driver.workerStep()
            default: _ = try guest.step()
            }
            if device.isConnected, !device.queues.isEmpty {
                _ = try device.send(HostFrame(bytes: Frame.make(number: number)), guest)
                world.driver.deliver([HostFrame(bytes: Frame.make())], to: device.vif)
            }
        }
        if turn == Self.turns - 1 {
            // The steps reach to the end of what is walked through.
            #expect(device.isConnected == (moment != .closing))
        }
        try world.destroy(guest)
        try world.settle()
        #expect(world.driver.backend.vifCount == 1)
        #expect(try world.node(device.vif, "state") == nil)
        #expect(world.driver.log.mapCount - world.driver.log.unmapCount == 2)
        #expect(world.driver.halfCount == 2)
        #expect(world.driver.line(device.vif).openPortCount == 0)
        #expect(try neighbour.send(HostFrame(bytes: Frame.make(number: 9)), neighbourGuest))
        world.driver.deliver([HostFrame(bytes: Frame.make(number: 9))], to: neighbour.vif)
        try world.settle()
        #expect(world.line(neighbour).fromGuest.count == 1)
        #expect(neighbour.received.count == 1)
        world.expectNoComplaints()
    }
}
