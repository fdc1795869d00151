// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import TestSupport
import Testing

@Suite("What a frontend writes into the store", .timeLimit(.minutes(10)))
struct VifConfigurationTests {
    /// Nodes that make no sense, by key: nil removes the node.
    static let nonsense: [(key: String, value: String?)] =
        ["tx-ring-ref", "rx-ring-ref", "event-channel-tx", "event-channel-rx"].flatMap { key in
            let values: [String?] = [
                "", " ", "x", "-1", "+8", " 8", "8 ", "0x8", "8.0", "8\n", "99999999999",
                "4294967296", "4294967295", "00000000008", "٣", "8\u{0}9",
                String(repeating: "9", count: 2000),
            ]
            return (key == "event-channel-tx" ? values : values + [nil]).map { (key, $0) }
        } + [
            ("request-rx-copy", nil), ("request-rx-copy", "0"), ("request-rx-copy", "yes"),
            ("multi-queue-num-queues", "0"), ("multi-queue-num-queues", "3"),
            ("multi-queue-num-queues", "4294967295"), ("multi-queue-num-queues", "-1"),
            ("multi-queue-num-queues", "two"), ("multi-queue-num-queues", "2"),
            ("event-channel-tx", nil),
        ]

    /// A frontend that is prepared and has written everything but its state.
    private struct Scene {
        let world: World
        let guest: Guest
        let device: GuestDevice
        let bystander: GuestDevice
        let bystanderGuest: Guest

        init() throws {
            world = try World(limits: BackendLimits(queuesPerVif: 2))
            (bystanderGuest, bystander) = try world.connectedDevice()
            guest = try world.addGuest()
            device = try world.addDevice(to: guest)
        }

        var directory: String { "/local/domain/\(guest.id)/device/vif/0" }

        /// Lets the frontend write its keys, replaces one, and lets the backend look.
        func connect(with key: String, _ value: String?) throws {
            _ = try world.driver.controlStep()
            _ = try guest.step()
            try replace(key, value)
            try world.settle()
        }

        func replace(_ key: String, _ value: String?) throws {
            if let value {
                try guest.store.write("\(directory)/\(key)", value)
            } else {
                try guest.store.remove("\(directory)/\(key)")
            }
        }

        func expectRefusal(sourceLocation: SourceLocation = #_sourceLocation) throws {
            let vif = device.vif
            let sentence = try world.errorNode(vif)
            #expect((sentence?.count ?? 0) > 20, sourceLocation: sourceLocation)
            #expect((sentence?.utf8.count ?? 0) < 300, sourceLocation: sourceLocation)
            #expect(
                sentence?.utf8.contains { $0 < 0x20 } == false, sourceLocation: sourceLocation)
            // Linux's frontend answers Closing with Closed, and so does the backend then.
            #expect(try world.node(vif, "state") == "6", sourceLocation: sourceLocation)
            let states = world.driver.faults.writes.filter {
                $0.path == "backend/vif/\(vif.domain)/\(vif.device)/state"
            }
            #expect(states.map(\.value) == ["2", "5", "6"], sourceLocation: sourceLocation)
            let warnings = world.driver.reports(.warning, of: vif)
            #expect(warnings.count == 1, sourceLocation: sourceLocation)
            #expect(device.events.last == .lost, sourceLocation: sourceLocation)
        }

        func expectBystanderServed(sourceLocation: SourceLocation = #_sourceLocation) throws {
            let before = world.line(bystander).fromGuest.count
            let frame = HostFrame(bytes: Frame.make())
            #expect(try bystander.send(frame, bystanderGuest), sourceLocation: sourceLocation)
            try world.settle()
            #expect(
                world.line(bystander).fromGuest.count == before + 1,
                sourceLocation: sourceLocation)
            #expect(bystander.judgement.isEmpty, sourceLocation: sourceLocation)
        }

        /// The frontend comes back with what it should have written.
        func expectRecovery(sourceLocation: SourceLocation = #_sourceLocation) throws {
            try guest.store.remove("\(directory)/multi-queue-num-queues")
            try device.front.reopen(&guest.store)
            try world.settle()
            #expect(device.isConnected, sourceLocation: sourceLocation)
            #expect(try world.errorNode(device.vif) == nil, sourceLocation: sourceLocation)
            try #require(!device.queues.isEmpty, sourceLocation: sourceLocation)
            #expect(
                try device.send(HostFrame(bytes: Frame.make()), guest),
                sourceLocation: sourceLocation)
            try world.settle()
            #expect(
                world.line(device).fromGuest.count == 1, sourceLocation: sourceLocation)
            #expect(device.judgement.isEmpty, sourceLocation: sourceLocation)
        }
    }

    @Test("nonsense is refused with a sentence, once, and a frontend that mends it connects")
    func refusals() throws {
        for (key, value) in Self.nonsense {
            let scene = try Scene()
            try scene.connect(with: key, value)
            try scene.expectRefusal()
            try scene.expectBystanderServed()
            try scene.expectRecovery()
        }
    }

    @Test("grants and ports of another domain, or for another, are refused")
    func foreign() throws {
        let scene = try Scene()
        let stranger = try scene.world.addGuest()
        // Port for the stranger, and a grant for it.
        let port = try scene.guest.domain.allocateUnbound(for: stranger.id)
        scene.guest.domain.grant(
            GrantReference(30_000), page: 3, to: stranger.id, readOnly: false)
        scene.guest.domain.grant(
            GrantReference(30_001), page: 3, to: DriverDomain.id, readOnly: true)
        let keys: [(String, String)] = [
            ("event-channel-tx", "\(port)"), ("event-channel-rx", "\(port)"),
            ("event-channel-tx", "0"), ("event-channel-rx", "4000"),
            ("tx-ring-ref", "30000"), ("rx-ring-ref", "30000"), ("rx-ring-ref", "30001"),
            ("tx-ring-ref", "0"), ("tx-ring-ref", "32768"),
        ]
        for (key, value) in keys {
            let scene = try Scene()
            if key.hasPrefix("event"), value != "0", value != "4000" {
                // The same number in this world, unbound for a stranger.
                let foreign = try scene.guest.domain.allocateUnbound(for: DomainID(77))
                try scene.connect(with: key, "\(foreign)")
            } else {
                scene.guest.domain.grant(
                    GrantReference(30_000), page: 3, to: DomainID(77), readOnly: false)
                scene.guest.domain.grant(
                    GrantReference(30_001), page: 3, to: DriverDomain.id, readOnly: true)
                try scene.connect(with: key, value)
            }
            try scene.expectRefusal()
            try scene.expectBystanderServed()
            try scene.expectRecovery()
        }
        let log = scene.world.driver.log
        #expect(log.mapCount - log.unmapCount == 2)
    }

    @Test("a store that fails at any read of a connect refuses it, and the next one works")
    func failingReads() throws {
        var refusalCount = 0
        for readsLeft in 0..<20 {
            let scene = try Scene()
            _ = try scene.world.driver.controlStep()
            _ = try scene.guest.step()
            scene.world.driver.faults.beforeRead = { [faults = scene.world.driver.faults] path in
                if path.hasSuffix("/request-rx-copy"), faults.readsLeft == nil {
                    faults.readsLeft = readsLeft
                }
                // The store works again for the rest.
                if faults.readsLeft == 0 { faults.beforeRead = nil }
            }
            while scene.world.driver.faults.readsLeft != 0, !scene.device.isConnected {
                _ = try scene.world.driver.controlStep()
                _ = try scene.world.driver.workerStep()
                _ = try scene.guest.step()
            }
            scene.world.driver.faults.readsLeft = nil
            scene.world.driver.faults.beforeRead = nil
            try scene.world.settle()
            if !scene.device.isConnected {
                refusalCount += 1
                try scene.expectRefusal()
                try scene.expectRecovery()
            }
            try scene.expectBystanderServed()
        }
        // Seven features, the number of queues, two rings and two ports; then the toolstack's
        // bridge, MTU and name, for which nothing else may be taken.
        #expect(refusalCount == 15)
    }

    @Test("a frontend that writes without end delays nobody, changes nothing and is told of once")
    func flood() throws {
        let scene = try Scene()
        try scene.world.settle()
        #expect(scene.device.isConnected)
        for number in 0..<3000 {
            try scene.replace(number % 2 == 0 ? "state" : "junk-\(number % 50)", "4")
            if number % 100 == 0 {
                _ = try scene.world.driver.controlStep()
                try scene.expectBystanderServed()
            }
        }
        try scene.world.settle()
        #expect(try scene.world.node(scene.device.vif, "state") == "4")
        #expect(
            scene.world.driver.reports(.warning, of: scene.device.vif)
                == ["the frontend writes its state too often: looked at every 250 ms"])
    }

    @Test("two queues are served each on its own rings and ports")
    func twoQueues() throws {
        let world = try World(limits: BackendLimits(queuesPerVif: 2))
        let (guest, device) = try world.connectedDevice { $0.queuesWanted = 2 }
        #expect(device.queues.count == 2)
        for number in 0..<20 {
            let frame = HostFrame(bytes: Frame.make(number: number))
            #expect(try device.send(frame, queue: number % 2, guest))
        }
        try world.settle()
        #expect(world.line(device).fromGuest.count == 20)
        #expect(device.queues.map { $0.counters.answered } == [10, 10])
        world.expectNoComplaints()
    }
}
