// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import TestSupport
import Testing

/// A machine, its store and toolstack, a driver domain and guests, in one process and one thread:
/// nothing happens but what a test steps, in the order in which it does.
final class World {
    let machine: Machine
    let store = EmulatedStore()
    var toolstack: Toolstack<InProcessStore>
    private(set) var driver: DriverDomain
    private(set) var guests: [Guest] = []
    private var deadGuests: [Guest] = []
    private let limits: BackendLimits

    // If `isToolstackDomain`, the driver believes that it runs beside the toolstack.
    init(limits: BackendLimits = BackendLimits(), isToolstackDomain: Bool = false) throws {
        machine = try Machine(form: .oneProcess)
        var control = InProcessStore(store, as: .control)
        try machine.createDomain(name: "driver", pageCount: 16, id: DriverDomain.id)
        store.introduce(DriverDomain.id)
        let home = "/local/domain/\(DriverDomain.id)"
        try control.write(home, "")
        try control.setPermissions(
            home, [StorePermission(domain: DriverDomain.id, mayRead: false, mayWrite: false)],
            in: .none)
        if isToolstackDomain { try control.write("\(home)/domid", "0") }
        toolstack = Toolstack(control)
        self.limits = limits
        driver = try DriverDomain(machine, store, limits: limits)
    }

    deinit { driver.closeAll() }

    // MARK: guests and vifs

    /// Makes a guest.
    func addGuest(pageCount: Int? = nil) throws -> Guest {
        let pages = pageCount ?? Guest.devicesMax * 2 * NetFrontQueue.pageCount
        let next = DomainID(UInt16(guests.map(\.id.rawValue).max() ?? 1) + 1)
        let id = try machine.createDomain(name: "guest", pageCount: pages, id: next)
        store.introduce(id)
        let home = "/local/domain/\(id)"
        try toolstack.store.write(home, "")
        try toolstack.store.setPermissions(
            home, [StorePermission(domain: id, mayRead: false, mayWrite: false)], in: .none)
        let guest = try Guest(machine, store, id: id)
        guests.append(guest)
        return guest
    }

    /// Ends a guest without a word, as a crash does: the hypervisor takes what it had, and the
    /// toolstack unplugs its vifs by force. Its own view of its memory stays to the end.
    func destroy(_ guest: Guest) throws {
        guests.removeAll { $0 === guest }
        deadGuests.append(guest)
        try machine.destroyDomain(guest.id)
        try toolstack.store.remove("/local/domain/\(guest.id)")
        for device in guest.devices { try toolstack.requestDetach(device.vif) }
        try store.release(guest.id)
    }

    /// Plugs a vif in, as far as the toolstack goes.
    func attach(_ vif: VifID) throws {
        try toolstack.attachVif(
            VifAttachment(
                vif: vif, backend: DriverDomain.id,
                mac: MACAddress(rawValue: 0x0016_3E00_0000 | UInt64(vif.device)), bridge: "br0"))
    }

    /// Plugs a vif in and starts its frontend.
    func addDevice(
        _ device: UInt32 = 0, to guest: Guest, options: FrontendOptions = FrontendOptions(),
        adjust: (GuestDevice) -> Void = { _ in }
    ) throws -> GuestDevice {
        let vif = VifID(domain: guest.id, device: device)
        try attach(vif)
        let made = GuestDevice(vif, place: try #require(guest.freePlace), options: options)
        adjust(made)
        try guest.start(made)
        return made
    }

    /// A connected vif of a guest of its own.
    func connectedDevice(
        options: FrontendOptions = FrontendOptions(),
        adjust: (GuestDevice) -> Void = { _ in }
    ) throws -> (Guest, GuestDevice) {
        let guest = try addGuest()
        let device = try addDevice(to: guest, options: options, adjust: adjust)
        try settle()
        try #require(device.isConnected, "\(driver.reports)")
        return (guest, device)
    }

    /// Where frames of a vif go.
    func line(_ device: GuestDevice) -> HostLine { driver.line(device.vif) }

    /// A backend's node.
    func node(_ vif: VifID, _ key: String) throws -> String? {
        try toolstack.store.read("\(Self.path(vif))/\(key)")
    }

    /// The sentence in a vif's error node.
    func errorNode(_ vif: VifID) throws -> String? {
        let home = "/local/domain/\(DriverDomain.id)"
        return try toolstack.store.read(
            "\(home)/error/backend/vif/\(vif.domain)/\(vif.device)/error")
    }

    static func path(_ vif: VifID) -> String {
        "/local/domain/\(DriverDomain.id)/backend/vif/\(vif.domain)/\(vif.device)"
    }

    /// Ends the driver domain's process without a word, and starts another.
    func replaceDriver() throws {
        driver.die()
        driver = try DriverDomain(machine, store, limits: limits)
    }

    // MARK: time

    /// Gives everybody turns until nobody has anything to do, and, if one `waits`, nothing is due.
    func settle(roundsMax: Int = 2000, waits: Bool = true) throws {
        var isBusy = true
        var rounds = 0
        while isBusy {
            isBusy = try driver.controlStep()
            if try driver.workerStep() { isBusy = true }
            for guest in guests where try guest.step() { isBusy = true }
            // Who has nothing else to do waits for what is due.
            if !isBusy, waits, let next = driver.backend.nextDeadline {
                driver.now = next
                isBusy = true
            }
            rounds += 1
            try #require(rounds < roundsMax, "the world never comes to rest")
        }
    }

    /// Gives `count` turns in a random order.
    func stepRandomly(_ count: Int, _ random: inout SplitMix64) throws {
        for _ in 0..<count {
            switch Int.random(in: 0..<guests.count + 3, using: &random) {
            case 0:
                _ = try driver.controlStep(
                    watchBudget: Int.random(in: 1...8, using: &random))
            case 1: _ = try driver.workerStep(.transmit)
            case 2: _ = try driver.workerStep(.receive)
            case let number: _ = try guests[number - 3].step()
            }
        }
    }

    /// Nothing that the driver took is still held, once all its vifs are closed.
    func expectNoLeaks(sourceLocation: SourceLocation = #_sourceLocation) {
        let log = driver.log
        #expect(log.mapCount == log.unmapCount, sourceLocation: sourceLocation)
        #expect(log.bindCount == log.unbindCount, sourceLocation: sourceLocation)
        #expect(driver.halfCount == 0, sourceLocation: sourceLocation)
        for (vif, line) in driver.lines {
            #expect(line.openPortCount == 0, "\(vif)", sourceLocation: sourceLocation)
        }
    }

    /// No frontend has anything against its backend.
    func expectNoComplaints(sourceLocation: SourceLocation = #_sourceLocation) {
        for device in guests.flatMap(\.devices) {
            #expect(device.judgement.isEmpty, "\(device.vif)", sourceLocation: sourceLocation)
        }
    }
}
