// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import TestSupport
import Testing

@Suite("The backend's nodes in the store", .timeLimit(.minutes(10)))
struct BackendNodeTests {
    /// Keys and values that a vif is offered with, in alphabetical order.
    static let offered: [(String, String)] = [
        ("feature-gso-tcpv4", "1"), ("feature-gso-tcpv6", "1"),
        ("feature-ipv6-csum-offload", "1"), ("feature-no-csum-offload", "0"),
        ("feature-rx-copy", "1"), ("feature-rx-flip", "0"), ("feature-sg", "1"),
        ("feature-split-event-channels", "1"), ("multi-queue-max-queues", "1"),
    ]

    @Test("all features stand in the node before InitWait, exactly these")
    func features() throws {
        let world = try World()
        let guest = try world.addGuest()
        let vif = VifID(domain: guest.id, device: 3)
        try world.attach(vif)
        try world.settle()
        let writes = world.driver.faults.writes
        let keys = writes.map { $0.path.split(separator: "/").last.map(String.init) ?? "" }
        #expect(keys.last == "state")
        #expect(writes.last?.value == "2")
        let written = zip(keys.dropLast(), writes.map(\.value)).sorted { $0.0 < $1.0 }
        #expect(written.map(\.0) == Self.offered.map(\.0))
        #expect(written.map(\.1) == Self.offered.map(\.1))
        for (key, value) in Self.offered { #expect(try world.node(vif, key) == value) }
    }

    @Test("without checksum offload segmentation is not offered either")
    func noOffload() throws {
        let world = try World(limits: BackendLimits(offersChecksumOffload: false))
        let guest = try world.addGuest()
        let vif = VifID(domain: guest.id, device: 0)
        try world.attach(vif)
        try world.settle()
        #expect(try world.node(vif, "feature-no-csum-offload") == "1")
        for key in ["feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload"] {
            #expect(try world.node(vif, key) == "0", "\(key)")
        }
    }

    @Test("the hotplug status is connected before the state is")
    func hotplugStatus() throws {
        let world = try World()
        let (_, device) = try world.connectedDevice()
        let writes = world.driver.faults.writes
        let status = writes.firstIndex { $0.path.hasSuffix("/hotplug-status") }
        let state = writes.firstIndex { $0.path.hasSuffix("/state") && $0.value == "4" }
        #expect(try #require(status) < #require(state))
        #expect(try world.node(device.vif, "hotplug-status") == "connected")
    }

    @Test("an unplugged vif's node goes, a closed one's stays and connects again")
    func detach() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        try device.close(guest)
        try world.settle()
        #expect(try world.node(device.vif, "state") == "6")
        #expect(device.events.last == .closed)
        try device.front.reopen(&guest.store)
        try world.settle()
        #expect(device.isConnected)
        try world.toolstack.requestDetach(device.vif)
        try world.settle()
        #expect(try world.node(device.vif, "state") == nil)
        #expect(world.driver.backend.vifCount == 0)
        #expect(device.complaints.isEmpty)
        world.expectNoLeaks()
    }

    @Test("an unplugged vif's node stays until the toolstack can have seen Closed")
    func detachIsSeen() throws {
        let world = try World()
        let (_, device) = try world.connectedDevice()
        try world.toolstack.requestDetach(device.vif)
        try world.settle(waits: false)
        #expect(try world.node(device.vif, "state") == "6")
        try world.settle()
        #expect(try world.node(device.vif, "state") == nil)
        #expect(world.driver.backend.vifCount == 0)
    }

    @Test("a vif that is plugged in again before its node was removed connects")
    func attachBeforeRemoval() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        try world.toolstack.requestDetach(device.vif)
        try world.settle(waits: false)
        #expect(try world.node(device.vif, "state") == "6")
        try world.toolstack.store.write("\(World.path(device.vif))/online", "1")
        try world.toolstack.store.write("\(World.path(device.vif))/state", "1")
        try device.front.reopen(&guest.store)
        try world.settle()
        #expect(device.isConnected)
        #expect(try world.node(device.vif, "state") == "4")
        #expect(world.driver.backend.vifCount == 1)
    }

    @Test("beside the toolstack an unplugged vif's node is the toolstack's to remove")
    func toolstackDomain() throws {
        let world = try World(isToolstackDomain: true)
        let (_, device) = try world.connectedDevice()
        try world.toolstack.requestDetach(device.vif)
        try world.settle()
        #expect(try world.node(device.vif, "state") == "6")
        try world.toolstack.store.remove(World.path(device.vif))
        try world.settle()
        #expect(world.driver.backend.vifCount == 0)
        #expect(world.driver.reports(.info, of: device.vif).last == "gone")
        world.expectNoLeaks()
    }

    @Test("a vif that is unplugged and plugged in again between two turns connects anew")
    func replugWithinOneTurn() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let frontend = "/local/domain/\(guest.id)/device/vif/0"
        try world.toolstack.store.remove(frontend)
        try world.toolstack.store.remove(World.path(device.vif))
        try world.toolstack.removeVif(device.vif)
        try device.closeQueues(guest, mayBeHeld: true)
        try guest.forget(device)
        let again = try world.addDevice(to: guest)
        try world.settle()
        #expect(again.isConnected)
        for (key, value) in Self.offered {
            #expect(try world.node(again.vif, key) == value, "\(key)")
        }
        #expect(try again.send(HostFrame(bytes: Frame.make(number: 1)), guest))
        try world.settle()
        #expect(world.line(again).fromGuest.count == 1)
    }

    @Test("a toolstack that writes Initialising over a connected vif has it connected again")
    func startedOver() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        let before = world.driver.faults.writes.count
        try world.toolstack.store.write("\(World.path(device.vif))/state", "1")
        try world.settle()
        let states = world.driver.faults.writes.dropFirst(before).filter {
            $0.path.hasSuffix("/state")
        }
        #expect(states.map(\.value) == ["2", "4"])
        #expect(world.driver.connections.count == 2)
        #expect(try device.send(HostFrame(bytes: Frame.make(number: 1)), guest))
        try world.settle()
        #expect(world.line(device).fromGuest.count == 1)
        world.expectNoComplaints()
    }

    @Test("a refused vif is unplugged though its frontend never moves again")
    func detachRefused() throws {
        let world = try World()
        let guest = try world.addGuest()
        let vif = VifID(domain: guest.id, device: 0)
        try world.attach(vif)
        try guest.store.write("/local/domain/\(guest.id)/device/vif/0/state", "4")
        try world.settle()
        #expect(try world.node(vif, "state") == "5")
        try world.toolstack.requestDetach(vif)
        try world.settle()
        #expect(try world.node(vif, "state") == nil)
        #expect(try world.errorNode(vif) == nil)
        #expect(world.driver.backend.vifCount == 0)
    }

    @Test("Windows' close before the first connect is answered, then it connects")
    func windows() throws {
        let world = try World()
        var options = FrontendOptions()
        options.closesBeforeConnecting = true
        let (_, device) = try world.connectedDevice(options: options)
        let states = world.driver.faults.writes.filter { $0.path.hasSuffix("/state") }
        #expect(states.map(\.value) == ["2", "5", "6", "2", "4"])
        #expect(try world.node(device.vif, "state") == "4")
        world.expectNoComplaints()
    }

    @Test("shutting down closes every vif and keeps the nodes")
    func shutdown() throws {
        let world = try World()
        let (_, device) = try world.connectedDevice()
        let (_, other) = try world.connectedDevice()
        world.driver.backend.shutdown()
        try world.settle()
        #expect(world.driver.backend.vifCount == 0)
        for vif in [device.vif, other.vif] { #expect(try world.node(vif, "state") == "6") }
        world.expectNoLeaks()
    }

    @Test("queues that never opened are not closed", arguments: [[0], [1], [0, 1]] as [[UInt32]])
    func partlyOpened(refused: [UInt32]) throws {
        let world = try World(limits: BackendLimits(queuesPerVif: 2))
        world.driver.refusedPorts = Set(refused)
        let guest = try world.addGuest()
        let device = try world.addDevice(to: guest) { $0.queuesWanted = 2 }
        try world.settle()
        #expect(!device.isConnected)
        #expect(world.driver.reports(.warning, of: device.vif) == ["refused: no port"])
        let closed = world.driver.closes.flatMap { $0 }.map(\.index)
        #expect(closed == [0, 1].filter { !refused.contains($0) })
        world.expectNoLeaks()
    }

    @Test("a new driver domain takes running vifs over, and no frontend notices")
    func attachAgain() throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        for number in 0..<5 {
            #expect(try device.send(HostFrame(bytes: Frame.make(number: number)), guest))
        }
        try world.settle()
        // These are published and not answered when the process dies.
        for number in 5..<9 {
            #expect(try device.send(HostFrame(bytes: Frame.make(number: number)), guest))
        }
        try world.replaceDriver()
        try world.settle()
        let states = world.driver.faults.writes.filter { $0.path.hasSuffix("/state") }
        #expect(states.map(\.value) == ["4"])
        #expect(device.isConnected)
        #expect(
            world.line(device).fromGuest.map { Frame.number(of: $0.bytes) } == Array(5..<9))
        world.driver.deliver([HostFrame(bytes: Frame.make(number: 77))], to: device.vif)
        try world.settle()
        #expect(device.received.map { Frame.number(of: $0.bytes) } == [77])
        #expect(device.queues[0].outstanding == 0)
        world.expectNoComplaints()
    }

    @Test("a store that fails to read leaves running vifs alone", arguments: 0..<6)
    func failingReads(readsLeft: Int) throws {
        let world = try World()
        let (guest, device) = try world.connectedDevice()
        world.driver.faults.readsLeft = readsLeft
        // Events that make the backend read: both nodes are written as they are.
        for key in ["online", "state"] {
            let value = try #require(try world.node(device.vif, key))
            try world.toolstack.store.write("\(World.path(device.vif))/\(key)", value)
        }
        try guest.store.write("/local/domain/\(guest.id)/device/vif/0/state", "4")
        try world.settle()
        world.driver.faults.readsLeft = nil
        #expect(try world.node(device.vif, "state") == "4")
        #expect(try device.send(HostFrame(bytes: Frame.make()), guest))
        try world.settle()
        #expect(world.line(device).fromGuest.count == 1)
    }

    @Test("vifs come and go under traffic in any order of turns", arguments: 0..<6)
    func hotplug(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let world = try World(limits: BackendLimits(queuesPerVif: 2))
        for _ in 0..<3 { _ = try world.addGuest() }
        var sent: [VifID: Int] = [:]
        var leaving: [GuestDevice] = []
        var all: [GuestDevice] = []
        for number in 0..<400 {
            let guest = world.guests[Int.random(in: 0..<3, using: &random)]
            switch Int.random(in: 0..<40, using: &random) {
            case 0..<3 where guest.devices.count < 3:
                let used = Set(guest.devices.map(\.vif.device))
                guard let device = (0..<3).first(where: { !used.contains(UInt32($0)) }) else {
                    continue
                }
                all.append(
                    try world.addDevice(UInt32(device), to: guest) { device in
                        device.queuesWanted = number % 2 + 1
                    })
            case 3:
                guard let device = guest.devices.randomElement(using: &random),
                    !leaving.contains(where: { $0 === device })
                else { continue }
                try world.toolstack.requestDetach(device.vif)
                leaving.append(device)
            default:
                for device in guest.devices where device.isConnected && !device.queues.isEmpty {
                    let queue = Int.random(in: 0..<device.queues.count, using: &random)
                    let frame = HostFrame(bytes: Frame.make(number: number))
                    if try device.send(frame, queue: queue, guest) {
                        sent[device.vif, default: 0] += 1
                    }
                }
            }
            try world.stepRandomly(Int.random(in: 0...6, using: &random), &random)
            try remove(&leaving, world)
        }
        try world.settle()
        world.expectNoComplaints()
        for device in world.guests.flatMap(\.devices)
        where !leaving.contains(where: { $0 === device }) {
            #expect(device.isConnected, "\(device.vif), seed \(seed)")
            try world.toolstack.requestDetach(device.vif)
            leaving.append(device)
        }
        try world.settle()
        try remove(&leaving, world)
        #expect(leaving.isEmpty, "seed \(seed)")
        #expect(world.driver.backend.vifCount == 0)
        world.expectNoLeaks()
        for (vif, count) in sent {
            let statistics = world.driver.statistics(of: vif)
            // A frontend that saw the toolstack's Closing took its grants back at once; one that
            // saw nothing yet sent to a backend that had closed.
            let seen = statistics.transmitPackets + statistics.transmitCopyFailures
            let late = all.filter { $0.vif == vif }.reduce(0) { $0 + $1.unanswered }
            #expect(seen <= UInt64(count), "\(vif), seed \(seed)")
            #expect(Int(seen) + late >= count, "\(vif), seed \(seed)")
            let arrived = world.driver.line(vif).fromGuest.count
            #expect(arrived == Int(statistics.transmitPackets), "\(vif), seed \(seed)")
        }
        #expect(!sent.isEmpty)
    }

    /// Takes vifs out whose backend's node is gone.
    private func remove(_ leaving: inout [GuestDevice], _ world: World) throws {
        for device in leaving where try world.node(device.vif, "state") == nil {
            let guest = try #require(world.guests.first { $0.id == device.vif.domain })
            try device.closeQueues(guest)
            #expect(device.complaints.isEmpty, "\(device.vif)")
            try world.toolstack.removeVif(device.vif)
            try guest.forget(device)
            leaving.removeAll { $0 === device }
        }
    }
}
