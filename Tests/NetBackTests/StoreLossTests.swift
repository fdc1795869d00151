// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import TestSupport
import Testing

@Suite("A store that goes away and comes back", .timeLimit(.minutes(10)))
struct StoreLossTests {
    /// What stands in the store while it is gone stays; the driver connects anew.
    private func mend(_ world: World) throws {
        #expect(world.driver.hasLostStore)
        try world.driver.reconnect(to: world.store)
        try world.settle()
    }

    private func exchange(_ number: Int, _ device: GuestDevice, _ guest: Guest, _ world: World)
        throws
    {
        let sent = world.line(device).fromGuest.count
        let received = device.received.count
        #expect(try device.send(HostFrame(bytes: Frame.make(number: number)), guest))
        world.driver.deliver([HostFrame(bytes: Frame.make(number: number))], to: device.vif)
        try world.settle()
        #expect(world.line(device).fromGuest.count == sent + 1)
        #expect(device.received.count == received + 1)
    }

    @Test("a connected vif is served on without it, and nothing is written twice at its return")
    func traffic() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        world.driver.faults.isLost = true
        try world.settle()
        for number in 0..<5 { try exchange(number, device, guest, world) }
        let writes = world.driver.faults.writes.count
        try mend(world)
        #expect(world.driver.faults.writes.count == writes)
        try exchange(5, device, guest, world)
        // Both watches are there again.
        try world.toolstack.requestDetach(device.vif)
        try world.settle()
        #expect(try world.node(device.vif, "state") == nil)
        world.expectNoComplaints()
        world.expectNoLeaks()
    }

    @Test("what vanished meanwhile is closed, what appeared is served, what moved is followed")
    func changes() throws {
        let world = try World()
        let (vanishing, first) = try world.connectedDevice()
        let (_, detached) = try world.connectedDevice()
        let (closing, third) = try world.connectedDevice()
        let (staying, fourth) = try world.connectedDevice()
        let (replugged, fifth) = try world.connectedDevice()
        world.driver.faults.isLost = true
        try world.settle()
        try world.toolstack.store.remove(World.path(first.vif))
        try world.toolstack.requestDetach(detached.vif)
        try third.close(closing)
        for path in ["/local/domain/\(replugged.id)/device/vif/0", World.path(fifth.vif)] {
            try world.toolstack.store.remove(path)
        }
        try world.toolstack.removeVif(fifth.vif)
        try fifth.closeQueues(replugged, mayBeHeld: true)
        try replugged.forget(fifth)
        let again = try world.addDevice(to: replugged)
        let newcomer = try world.addGuest()
        let new = try world.addDevice(to: newcomer)
        try world.settle()
        #expect(!new.isConnected)
        try exchange(1, fourth, staying, world)
        try mend(world)
        #expect(world.driver.reports(.info, of: first.vif).last == "gone")
        #expect(try world.node(detached.vif, "state") == nil)
        #expect(third.events.last == .closed)
        #expect(new.isConnected)
        #expect(again.isConnected)
        for (device, guest) in [(fourth, staying), (new, newcomer), (again, replugged)] {
            try exchange(2, device, guest, world)
        }
        #expect(world.driver.backend.vifCount == 4)
        #expect(vanishing.devices.count == 1)
        world.expectNoComplaints()
    }

    @Test("it may go away at any request of a vif's life, and the life goes on", arguments: 0..<48)
    func anyRequest(operations: Int) throws {
        let world = try World()
        world.driver.faults.operationsUntilLoss = operations
        let guest = try world.addGuest()
        let device = try world.addDevice(to: guest)
        var losses = 0
        func settle() throws {
            try world.settle()
            guard world.driver.hasLostStore else { return }
            losses += 1
            try mend(world)
        }
        try settle()
        try #require(device.isConnected, "\(world.driver.reports)")
        #expect(try world.node(device.vif, "state") == "4")
        #expect(try world.node(device.vif, "hotplug-status") == "connected")
        try exchange(1, device, guest, world)
        try device.close(guest)
        try settle()
        #expect(device.events.last == .closed)
        try device.front.reopen(&guest.store)
        try settle()
        try #require(device.isConnected, "\(world.driver.reports)")
        try exchange(2, device, guest, world)
        try world.toolstack.requestDetach(device.vif)
        try settle()
        #expect(try world.node(device.vif, "state") == nil)
        #expect(world.driver.backend.vifCount == 0)
        // The life takes more requests than the test tries.
        #expect(losses == 1)
        #expect(world.driver.reports(.warning, of: device.vif).isEmpty)
        world.expectNoComplaints()
        world.expectNoLeaks()
    }

    @Test("a new connection that fails too loses nothing", arguments: 0..<8)
    func failsAgain(operations: Int) throws {
        let world = try World()
        let guest = try world.addGuest()
        let device = try world.addDevice(to: guest)
        // Connected halfway: the answer of the worker is the first to find the store gone.
        world.driver.faults.isLost = true
        try world.settle()
        world.driver.faults.operationsUntilLoss = operations
        do { try world.driver.reconnect(to: world.store) } catch {}
        try world.settle()
        world.driver.faults.operationsUntilLoss = nil
        try world.driver.reconnect(to: world.store)
        try world.settle()
        #expect(device.isConnected)
        try exchange(1, device, guest, world)
        world.expectNoComplaints()
    }

    @Test("a list that cannot be read is reported, and is no list of nothing")
    func unreadableList() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        world.driver.faults.failsToList = true
        try world.toolstack.store.write("/local/domain/\(DriverDomain.id)/backend/vif", "")
        try world.settle()
        #expect(
            world.driver.reports(.error, of: nil).first?
                .hasPrefix("backend/vif cannot be listed: ") ?? false)
        try exchange(1, device, guest, world)
    }
}
