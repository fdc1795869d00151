// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import PlatformProof
import Testing

@Suite("A port that a sibling bound is taken up", .timeLimit(.minutes(10)))
struct PortAdoptionTests {
    /// A guest's port bound by one connection of the backend's domain, and another connection.
    private struct Siblings {
        let world: MachineWorld
        let guest: any TestGuest
        let first: any TestBackend
        let second: any TestBackend
        let guestPort: EventChannelPort
        /// Bound by the first; the bind's own event is taken and served.
        let port: EventChannelPort

        init(_ form: Machine.Form) throws {
            world = try MachineWorld(form)
            guest = try world.guest()
            first = try world.backend()
            second = try world.backend()
            guestPort = try guest.allocateUnbound(for: MachineWorld.backendID)
            port = try first.bindInterdomain(guestPort, of: MachineWorld.guestID)
            #expect(try first.nextPending() == port)
            try first.unmask(port)
        }

        /// Ends the first one and waits until the machine has noticed: it undoes a grant's mapping
        /// with everything else.
        func killFirst() throws {
            guest.grant(
                GrantReference(8), page: 1, to: MachineWorld.backendID, readOnly: false)
            let page = try first.map(GrantReference(8), of: MachineWorld.guestID)
            page.relinquish()
            first.die()
            try world.settle { guest.endAccess(GrantReference(8)) }
        }

        func isBound() -> Bool {
            do throws {
                let third = try world.backend()
                _ = try third.bindInterdomain(guestPort, of: MachineWorld.guestID)
                return false
            } catch { return true }
        }
    }

    @Test("the binding outlives the first owner", arguments: Machine.Form.allCases)
    func survival(form: Machine.Form) throws {
        let pair = try Siblings(form)
        try pair.second.adopt(pair.port)
        #expect(try pair.second.nextPending() == nil)
        try pair.killFirst()
        #expect(pair.isBound())
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.second.nextPending() == pair.port)
        try pair.second.unmask(pair.port)
        try pair.second.notify(pair.port)
        #expect(try pair.guest.nextPending() == pair.guestPort)
    }

    @Test("the binding outlives the adopter", arguments: Machine.Form.allCases)
    func firstSurvives(form: Machine.Form) throws {
        let pair = try Siblings(form)
        try pair.second.adopt(pair.port)
        try pair.guest.notify(pair.guestPort)
        pair.second.die()
        try pair.world.settle { try pair.first.nextPending() == pair.port }
        try pair.first.unmask(pair.port)
        #expect(pair.isBound())
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.first.nextPending() == pair.port)
    }

    @Test("with its last owner the port is closed", arguments: Machine.Form.allCases)
    func lastOwner(form: Machine.Form) throws {
        let pair = try Siblings(form)
        try pair.second.adopt(pair.port)
        try pair.killFirst()
        pair.second.die()
        try pair.world.settle { !pair.isBound() }
    }

    @Test("what was raised before the adoption shows after it", arguments: Machine.Form.allCases)
    func pendingBefore(form: Machine.Form) throws {
        let pair = try Siblings(form)
        try pair.guest.notify(pair.guestPort)
        try pair.second.adopt(pair.port)
        try pair.killFirst()
        #expect(try pair.second.nextPending() == pair.port)
        try pair.second.unmask(pair.port)
        #expect(try pair.second.nextPending() == nil)
    }

    @Test(
        "an event that came while the first owner had the port masked shows",
        arguments: Machine.Form.allCases)
    func masked(form: Machine.Form) throws {
        let pair = try Siblings(form)
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.first.nextPending() == pair.port)
        try pair.guest.notify(pair.guestPort)
        try pair.second.adopt(pair.port)
        try pair.killFirst()
        #expect(try pair.second.nextPending() == pair.port)
        try pair.second.unmask(pair.port)
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.second.nextPending() == pair.port)
    }

    @Test("in one process a port that was taken and not served is pending again")
    func unserved() throws {
        let pair = try Siblings(.oneProcess)
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.first.nextPending() == pair.port)
        try pair.second.adopt(pair.port)
        #expect(try pair.second.nextPending() == pair.port)
        #expect(try pair.first.nextPending() == nil)
    }

    @Test(
        "an event of a dead owner's time waits for a second adoption",
        arguments: Machine.Form.allCases)
    func again(form: Machine.Form) throws {
        let pair = try Siblings(form)
        try pair.second.adopt(pair.port)
        try pair.guest.notify(pair.guestPort)
        // Taken, not served, and then the port is raised once more.
        #expect(try pair.second.nextPending() == pair.port)
        try pair.killFirst()
        try pair.guest.notify(pair.guestPort)
        #expect(try pair.second.nextPending() == nil)
        try pair.second.adopt(pair.port)
        #expect(try pair.second.nextPending() == pair.port)
        try pair.second.unmask(pair.port)
        #expect(try pair.second.nextPending() == nil)
    }

    @Test("both owners may send", arguments: Machine.Form.allCases)
    func bothSend(form: Machine.Form) throws {
        let pair = try Siblings(form)
        try pair.second.adopt(pair.port)
        for owner in [pair.first, pair.second] {
            try owner.notify(pair.port)
            #expect(try pair.guest.nextPending() == pair.guestPort)
            try pair.guest.unmask(pair.guestPort)
            try owner.unmask(pair.port)
        }
    }

    @Test(
        "a close by either owner leaves the guest's port unbound",
        arguments: Machine.Form.allCases)
    func close(form: Machine.Form) throws {
        for closesFirst in [false, true] {
            let pair = try Siblings(form)
            try pair.second.adopt(pair.port)
            let (closer, other) =
                closesFirst ? (pair.first, pair.second) : (pair.second, pair.first)
            try closer.unbind(pair.port)
            try pair.guest.notify(pair.guestPort)
            #expect(throws: PlatformError.self) { try closer.notify(pair.port) }
            // The number is free again, also for the one who still holds it.
            let bound = try other.bindInterdomain(pair.guestPort, of: MachineWorld.guestID)
            #expect(bound == pair.port)
            #expect(try other.nextPending() == bound)
            try other.unmask(bound)
            try pair.guest.notify(pair.guestPort)
            #expect(try other.nextPending() == bound)
            #expect(throws: PlatformError.self) { try closer.unbind(pair.port) }
        }
    }

    @Test("what is not the domain's is not adopted", arguments: Machine.Form.allCases)
    func foreign(form: Machine.Form) throws {
        let pair = try Siblings(form)
        let stranger = try pair.world.backend(MachineWorld.strangerID)
        #expect(throws: PlatformError("adopt", errno: 22)) { try stranger.adopt(pair.port) }
        for port in [EventChannelPort(0), EventChannelPort(99), EventChannelPort(.max)] {
            #expect(throws: PlatformError("adopt", errno: 22)) { try pair.second.adopt(port) }
        }
        try pair.first.unbind(pair.port)
        #expect(throws: PlatformError("adopt", errno: 22)) { try pair.second.adopt(pair.port) }
    }
}
