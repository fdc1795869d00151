// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import Testing

@Suite("Event channels, in one process and between processes", .timeLimit(.minutes(10)))
struct EventChannelRulesTests {
    /// A guest's port, not bound yet.
    private struct Pair {
        let world: MachineWorld
        let guest: any TestGuest
        let backend: any TestBackend
        let guestPort: EventChannelPort

        init(_ form: Machine.Form) throws {
            world = try MachineWorld(form)
            guest = try world.guest()
            backend = try world.backend()
            guestPort = try guest.allocateUnbound(for: MachineWorld.backendID)
        }

        /// Binds and takes the event that every bind raises.
        func bind() throws -> EventChannelPort {
            let port = try bindRaised()
            #expect(try backend.nextPending() == port)
            try backend.unmask(port)
            #expect(try backend.nextPending() == nil)
            return port
        }

        func bindRaised() throws -> EventChannelPort {
            try backend.bindInterdomain(guestPort, of: MachineWorld.guestID)
        }
    }

    private static let refusal = PlatformError("EVTCHNOP_bind_interdomain", errno: 22)

    @Test("no port has number 0", arguments: Machine.Form.allCases)
    func portZero(form: Machine.Form) throws {
        let pair = try Pair(form)
        #expect(pair.guestPort.rawValue > 0)
        #expect(try pair.bind().rawValue > 0)
    }

    @Test(
        "a bind raises the binder's port once and not the peer's",
        arguments: Machine.Form.allCases)
    func bindRaises(form: Machine.Form) throws {
        let pair = try Pair(form)
        let port = try pair.bindRaised()
        #expect(try pair.backend.nextPending() == port)
        try pair.backend.unmask(port)
        #expect(try pair.backend.nextPending() == nil)
        #expect(try pair.guest.nextPending() == nil)
    }

    @Test("an event reaches the other end, both ways", arguments: Machine.Form.allCases)
    func notify(form: Machine.Form) throws {
        let pair = try Pair(form)
        let port = try pair.bind()
        try pair.backend.notify(port)
        #expect(try pair.guest.nextPending() == pair.guestPort)
        #expect(try pair.backend.nextPending() == nil)
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.backend.nextPending() == port)
    }

    @Test("several sends before a take are one event", arguments: Machine.Form.allCases)
    func coalesce(form: Machine.Form) throws {
        let pair = try Pair(form)
        let port = try pair.bind()
        for _ in 0..<5 { try pair.guest.notify(pair.guestPort) }
        #expect(try pair.backend.nextPending() == port)
        try pair.backend.unmask(port)
        #expect(try pair.backend.nextPending() == nil)
    }

    @Test(
        "a taken port stays masked until it is unmasked, and then shows what came meanwhile",
        arguments: Machine.Form.allCases)
    func masks(form: Machine.Form) throws {
        let pair = try Pair(form)
        let port = try pair.bind()
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.backend.nextPending() == port)
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.backend.nextPending() == nil)
        try pair.backend.unmask(port)
        #expect(try pair.backend.nextPending() == port)
        try pair.backend.unmask(port)
        #expect(try pair.backend.nextPending() == nil)
        // To unmask what is not masked changes nothing.
        try pair.backend.unmask(port)
        #expect(try pair.backend.nextPending() == nil)
    }

    @Test("many pending ports are each taken once", arguments: Machine.Form.allCases)
    func manyPorts(form: Machine.Form) throws {
        let pair = try Pair(form)
        var bound: Set<EventChannelPort> = []
        for _ in 0..<40 {
            let remote = try pair.guest.allocateUnbound(for: MachineWorld.backendID)
            bound.insert(try pair.backend.bindInterdomain(remote, of: MachineWorld.guestID))
        }
        #expect(bound.count == 40)
        // One that was closed while it was pending must not be taken.
        let first = try #require(try pair.backend.nextPending())
        let closed = try #require(bound.first { $0 != first })
        try pair.backend.unbind(closed)
        var taken: Set = [first, closed]
        while let port = try pair.backend.nextPending() {
            #expect(taken.insert(port).inserted)
        }
        #expect(taken == bound)
    }

    @Test("a port is bound once", arguments: Machine.Form.allCases)
    func doubleBind(form: Machine.Form) throws {
        let pair = try Pair(form)
        _ = try pair.bind()
        let sibling = try pair.world.backend()
        #expect(throws: Self.refusal) {
            try sibling.bindInterdomain(pair.guestPort, of: MachineWorld.guestID)
        }
    }

    @Test(
        "a port is bound by no other domain than the one it was made for",
        arguments: Machine.Form.allCases)
    func strangerBinds(form: Machine.Form) throws {
        let pair = try Pair(form)
        let stranger = try pair.world.backend(MachineWorld.strangerID)
        #expect(throws: Self.refusal) {
            try stranger.bindInterdomain(pair.guestPort, of: MachineWorld.guestID)
        }
        for port in [EventChannelPort(0), EventChannelPort(99), EventChannelPort(.max)] {
            #expect(throws: Self.refusal) {
                try pair.backend.bindInterdomain(port, of: MachineWorld.guestID)
            }
        }
        #expect(throws: PlatformError.self) {
            try pair.backend.bindInterdomain(pair.guestPort, of: DomainID(77))
        }
        _ = try pair.bind()
    }

    @Test(
        "a close by the backend makes the guest's port unbound, sends lost, a new bind possible",
        arguments: Machine.Form.allCases)
    func closeReverts(form: Machine.Form) throws {
        let pair = try Pair(form)
        let port = try pair.bind()
        try pair.backend.unbind(port)
        #expect(throws: PlatformError.self) { try pair.backend.notify(port) }
        try pair.guest.notify(pair.guestPort)
        let again = try pair.bind()
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.backend.nextPending() == again)
    }

    @Test(
        "events raised for a dead backend are not pending for the next, but for the bind's own",
        arguments: Machine.Form.allCases)
    func drain(form: Machine.Form) throws {
        let pair = try Pair(form)
        let port = try pair.bind()
        try pair.guest.notify(pair.guestPort)
        try pair.backend.unbind(port)
        _ = try pair.bind()
    }

    @Test("an event of the guest survives its backend", arguments: Machine.Form.allCases)
    func pendingSurvives(form: Machine.Form) throws {
        let pair = try Pair(form)
        let port = try pair.bind()
        try pair.backend.notify(port)
        try pair.backend.unbind(port)
        _ = try pair.bind()
        #expect(try pair.guest.nextPending() == pair.guestPort)
    }

    @Test("sends to an unbound port are lost without an error", arguments: Machine.Form.allCases)
    func lostSends(form: Machine.Form) throws {
        let pair = try Pair(form)
        try pair.guest.notify(pair.guestPort)
        _ = try pair.bind()
        #expect(try pair.guest.nextPending() == nil)
    }

    @Test(
        "a close by the guest leaves the backend's port unbound for the guest",
        arguments: Machine.Form.allCases)
    func guestCloses(form: Machine.Form) throws {
        let pair = try Pair(form)
        let port = try pair.bind()
        try pair.guest.close(pair.guestPort)
        try pair.backend.notify(port)
        #expect(throws: PlatformError.self) { try pair.guest.notify(pair.guestPort) }
        // The guest's side may bind to it, as to any unbound port.
        let binder = try pair.world.backend(MachineWorld.guestID)
        let local = try binder.bindInterdomain(port, of: MachineWorld.backendID)
        #expect(try binder.nextPending() == local)
        try pair.backend.notify(port)
        try binder.unmask(local)
        #expect(try binder.nextPending() == local)
    }

    @Test("closing an unbound port frees its number", arguments: Machine.Form.allCases)
    func closeUnbound(form: Machine.Form) throws {
        let pair = try Pair(form)
        try pair.guest.close(pair.guestPort)
        #expect(throws: Self.refusal) { try pair.bindRaised() }
        #expect(throws: PlatformError.self) { try pair.guest.close(pair.guestPort) }
        #expect(
            try pair.guest.allocateUnbound(for: MachineWorld.backendID) == pair.guestPort)
    }

    @Test(
        "the death of the backend leaves the guest's port for the next one",
        arguments: Machine.Form.allCases)
    func deathReverts(form: Machine.Form) throws {
        let pair = try Pair(form)
        _ = try pair.bind()
        pair.backend.die()
        let next = try pair.world.backend()
        var port: EventChannelPort?
        try pair.world.settle {
            port = try? next.bindInterdomain(pair.guestPort, of: MachineWorld.guestID)
            return port != nil
        }
        #expect(try next.nextPending() == port)
        try pair.guest.notify(pair.guestPort)
        try next.unmask(try #require(port))
        #expect(try next.nextPending() == port)
    }

    @Test(
        "a port waits for a domain that is destroyed and made again with the same id",
        arguments: Machine.Form.allCases)
    func sameIDAgain(form: Machine.Form) throws {
        let pair = try Pair(form)
        _ = try pair.bind()
        try pair.world.destroy(MachineWorld.backendID)
        try pair.guest.notify(pair.guestPort)
        try pair.world.create("backend", id: MachineWorld.backendID)
        let next = try pair.world.backend()
        let port = try next.bindInterdomain(pair.guestPort, of: MachineWorld.guestID)
        #expect(try next.nextPending() == port)
    }

    @Test("nobody closes or raises another process's port", arguments: Machine.Form.allCases)
    func foreignPorts(form: Machine.Form) throws {
        let pair = try Pair(form)
        let port = try pair.bind()
        let sibling = try pair.world.backend()
        #expect(throws: PlatformError.self) { try sibling.unbind(port) }
        #expect(throws: PlatformError.self) { try sibling.notify(port) }
        #expect(throws: PlatformError.self) { try sibling.unmask(port) }
        try pair.guest.notify(pair.guestPort)
        #expect(try sibling.nextPending() == nil)
        #expect(try pair.backend.nextPending() == port)
    }

    @Test("ports run out with ENOSPC", arguments: [Machine.Form.oneProcess])
    func portsRunOut(form: Machine.Form) throws {
        let pair = try Pair(form)
        for _ in 2..<4096 {
            _ = try pair.guest.allocateUnbound(for: MachineWorld.backendID)
        }
        #expect(throws: PlatformError("EVTCHNOP_alloc_unbound", errno: 28)) {
            try pair.guest.allocateUnbound(for: MachineWorld.backendID)
        }
    }
}
