// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import SharedMemory

/// A backend's hypervisor of either form; `die()` ends its process.
protocol TestBackend: AnyObject {
    func map(_ reference: GrantReference, of domain: DomainID) throws -> MappedPages
    func unmap(_ pages: consuming MappedPages) throws
    func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena) throws
    func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws -> EventChannelPort
    func adopt(_ port: EventChannelPort) throws
    func unbind(_ port: EventChannelPort) throws
    func notify(_ port: EventChannelPort) throws
    func nextPending() throws -> EventChannelPort?
    func unmask(_ port: EventChannelPort) throws
    func die()
}

/// A guest of either form.
protocol TestGuest: AnyObject {
    func words(ofPage page: Int) -> MappedWords
    func grant(_ reference: GrantReference, page: Int, to domain: DomainID, readOnly: Bool)
    func endAccess(_ reference: GrantReference) -> Bool
    var grantTable: MappedWords { get }
    func allocateUnbound(for domain: DomainID) throws -> EventChannelPort
    func notify(_ port: EventChannelPort) throws
    func nextPending() throws -> EventChannelPort?
    func unmask(_ port: EventChannelPort) throws
    func close(_ port: EventChannelPort) throws
    func die()
}

struct ProcessIsDead: Error {}

final class BackendBox<H: Hypervisor & ~Copyable>: TestBackend {
    private var value: H?

    init(_ value: consuming H) { self.value = consume value }

    func map(_ reference: GrantReference, of domain: DomainID) throws -> MappedPages {
        guard let pages = try value?.map(reference, of: domain) else { throw ProcessIsDead() }
        return pages
    }
    func unmap(_ pages: consuming MappedPages) throws { try value?.unmap(pages) }
    func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws {
        try value?.copy(&batch, direction, arena: arena)
    }
    func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws -> EventChannelPort {
        guard let port = try value?.bindInterdomain(remote, of: domain) else {
            throw ProcessIsDead()
        }
        return port
    }
    func adopt(_ port: EventChannelPort) throws {
        guard value != nil else { throw ProcessIsDead() }
        try value?.adopt(port)
    }
    func unbind(_ port: EventChannelPort) throws { try value?.unbind(port) }
    func notify(_ port: EventChannelPort) throws { try value?.notify(port) }
    func nextPending() throws -> EventChannelPort? { try value?.nextPending() }
    func unmask(_ port: EventChannelPort) throws { try value?.unmask(port) }
    func die() { value = nil }
}

/// A guest that also shows its grant table, to scribble over it.
protocol ScribblingGuest: GuestMemory, GuestEventChannels, ~Copyable {
    var grantTable: MappedWords { get }
}
extension InProcessGuestDomain: ScribblingGuest {}
extension GuestDomain: ScribblingGuest {}

final class GuestBox<G: ScribblingGuest & ~Copyable>: TestGuest {
    private var value: G?
    let grantTable: MappedWords

    init(_ value: consuming G) {
        grantTable = value.grantTable
        self.value = consume value
    }

    func words(ofPage page: Int) -> MappedWords {
        guard let words = value?.words(ofPage: page) else { fatalError("a dead guest") }
        return words
    }
    func grant(_ reference: GrantReference, page: Int, to domain: DomainID, readOnly: Bool) {
        value?.grant(reference, page: page, to: domain, readOnly: readOnly)
    }
    func endAccess(_ reference: GrantReference) -> Bool { value?.endAccess(reference) ?? false }
    func allocateUnbound(for domain: DomainID) throws -> EventChannelPort {
        guard let port = try value?.allocateUnbound(for: domain) else { throw ProcessIsDead() }
        return port
    }
    func notify(_ port: EventChannelPort) throws { try value?.notify(port) }
    func nextPending() throws -> EventChannelPort? { try value?.nextPending() }
    func unmask(_ port: EventChannelPort) throws { try value?.unmask(port) }
    func close(_ port: EventChannelPort) throws { try value?.close(port) }
    func die() { value = nil }
}

/// A machine of either form with a guest, its backend, and a stranger.
final class MachineWorld {
    static let guestID = DomainID(1)
    static let backendID = DomainID(2)
    static let strangerID = DomainID(3)
    static let pageCount = 16

    enum Form {
        case oneProcess(Machine)
        case processes(MachineThread)
    }
    let form: Form

    init(_ form: Machine.Form) throws {
        switch form {
        case .oneProcess: self.form = .oneProcess(try Machine(form: .oneProcess))
        case .processes: self.form = .processes(try MachineThread())
        }
        for name in ["guest", "backend", "stranger"] { try create(name) }
    }

    func create(_ name: String, id: DomainID? = nil) throws {
        switch form {
        case .oneProcess(let machine):
            try machine.createDomain(name: name, pageCount: MachineWorld.pageCount, id: id)
        case .processes(let thread):
            _ = try MachineControl(directory: thread.directory).createDomain(
                name: name, pageCount: MachineWorld.pageCount, id: id)
        }
    }

    func destroy(_ id: DomainID) throws {
        switch form {
        case .oneProcess(let machine): try machine.destroyDomain(id)
        case .processes(let thread):
            try MachineControl(directory: thread.directory).destroyDomain(id)
        }
    }

    func backend(_ id: DomainID = backendID) throws -> any TestBackend {
        switch form {
        case .oneProcess(let machine):
            BackendBox(try InProcessHypervisor(machine, domain: id))
        case .processes(let thread):
            BackendBox(try EmulatedHypervisor(socket: thread.hypervisor(id)))
        }
    }

    func guest(_ id: DomainID = guestID) throws -> any TestGuest {
        switch form {
        case .oneProcess(let machine): GuestBox(try InProcessGuestDomain(machine, domain: id))
        case .processes(let thread): GuestBox(try GuestDomain(socket: thread.hypervisor(id)))
        }
    }

    /// Waits until the machine has noticed a death: it serves its sockets in turns, and every
    /// new connection is another turn.
    func settle(until condition: () throws -> Bool) throws {
        for _ in 0..<100 {
            if try condition() { return }
            _ = try guest(MachineWorld.strangerID)
        }
        throw NeverNoticed()
    }

    struct NeverNoticed: Error {}
}
