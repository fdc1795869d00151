// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import PlatformProof
import StoreClient
import Testing

/// A guest of either form in its part of a proof.
private final class EmulatedPeer: GrantingPeer {
    let domain = MachineWorld.guestID
    private let guest: any TestGuest
    private var freePages = Array(0..<MachineWorld.pageCount)
    private var pages: [GrantReference: Int] = [:]

    init(_ guest: any TestGuest) { self.guest = guest }

    func share(readOnly: Bool) throws -> SharedPage {
        let last = freePages.popLast()
        let page = try #require(last)
        let reference = GrantReference(UInt32(page) + 8)
        pages[reference] = page
        guest.grant(reference, page: page, to: MachineWorld.backendID, readOnly: readOnly)
        return SharedPage(reference: reference, words: guest.words(ofPage: page))
    }

    func endSharing(_ page: SharedPage) throws {
        #expect(guest.endAccess(page.reference))
        let taken = pages.removeValue(forKey: page.reference)
        freePages.append(try #require(taken))
    }

    func allocateUnbound() throws -> EventChannelPort {
        try guest.allocateUnbound(for: MachineWorld.backendID)
    }
    func notify(_ port: EventChannelPort) throws { try guest.notify(port) }
    func nextPending() throws -> EventChannelPort? { try guest.nextPending() }
    func unmask(_ port: EventChannelPort) throws { try guest.unmask(port) }
    func close(_ port: EventChannelPort) throws { try guest.close(port) }
}

extension MachineWorld {
    /// Runs a check on a backend of this machine.
    fileprivate func prove(_ check: some PlatformCheck) throws {
        let peer = EmulatedPeer(try guest())
        switch form {
        case .oneProcess(let machine):
            var hypervisor = try InProcessHypervisor(machine, domain: Self.backendID)
            try check.run(&hypervisor, peer)
        case .processes(let thread):
            var hypervisor = try EmulatedHypervisor(socket: thread.hypervisor(Self.backendID))
            // A process finds a domain's memory when it first maps a page, as every backend does
            // before it copies.
            let page = try peer.share(readOnly: false)
            let mapped = try hypervisor.map(page.reference, of: peer.domain)
            try check.run(&hypervisor, peer)
            try hypervisor.unmap(mapped)
            try peer.endSharing(page)
        }
    }
}

/// What `xenproof` checks on Xen holds on the emulated machine, too.
@Suite("The checks of xenproof, on the emulated machine", .timeLimit(.minutes(10)))
struct PlatformProofTests {
    @Test("grants", arguments: Machine.Form.allCases, GrantCheck.allCases)
    func grants(form: Machine.Form, check: GrantCheck) throws {
        try MachineWorld(form).prove(check)
    }

    @Test("event channels", arguments: Machine.Form.allCases, EventChannelCheck.allCases)
    func eventChannels(form: Machine.Form, check: EventChannelCheck) throws {
        try MachineWorld(form).prove(check)
    }

    @Test("adoption", arguments: Machine.Form.allCases)
    func adoption(form: Machine.Form) throws {
        let world = try MachineWorld(form)
        let peer = EmulatedPeer(try world.guest())
        let id = MachineWorld.backendID
        switch world.form {
        case .oneProcess(let machine):
            let first = try InProcessHypervisor(machine, domain: id)
            var second = try InProcessHypervisor(machine, domain: id)
            try AdoptionCheck.run(first, &second, peer)
        case .processes(let thread):
            let first = try EmulatedHypervisor(socket: thread.hypervisor(id))
            var second = try EmulatedHypervisor(socket: thread.hypervisor(id))
            try AdoptionCheck.run(first, &second, peer)
        }
    }

    /// A machine's store, where the first guest's connections end.
    private func socket(_ thread: MachineThread) throws -> String {
        let id = try MachineControl(directory: thread.directory).createDomain(
            name: "guest", pageCount: 1)
        return MachineSockets(of: id, in: thread.directory).store
    }

    @Test("the store, through XenbusStore", arguments: StoreCheck.allCases)
    func xenbusStore(check: StoreCheck) throws {
        let thread = try MachineThread()
        let path = try socket(thread)
        var store = try XenbusStore(path: path)
        try prove(check, &store, path)
    }

    @Test("the store, through LibXenStore", arguments: StoreCheck.allCases)
    func libXenStore(check: StoreCheck) throws {
        let thread = try MachineThread()
        let path = try socket(thread)
        var store = try LibXenStore(socketPath: path)
        try prove(check, &store, path)
    }

    private func prove<S: XenStore & ~Copyable>(
        _ check: StoreCheck, _ store: inout S, _ path: String
    ) throws {
        let text = try store.read("domid")
        let own = DomainID(try #require(text.flatMap { UInt16($0) }))
        let reader = PermissionReader(try LibXenStore(socketPath: path))
        try check.run(&store, own: own, permissions: reader.permissions)
    }
}
