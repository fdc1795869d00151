// SPDX-License-Identifier: Apache-2.0
internal import Platform
internal import SharedMemory

/// A domain as the machine keeps it. A class because mappings made by other domains outlive its
/// place in the machine, as mapped pages outlive a dying domain under Xen.
final class MachineDomain {
    let id: DomainID
    let name: String
    /// Never the same for two domains of one machine, though their ids may be.
    let generation: UInt32
    let memory: SharedRegion
    let grants: SharedRegion
    let status: SharedRegion
    /// By port number.
    var ports: [MachinePort?] = [nil]
    /// No port with a lower number is free.
    private var lowestFree = 1
    /// How often each grant is mapped, by reference.
    var pinCounts: [UInt32: Int] = [:]

    init(
        id: DomainID, name: String, pageCount: Int, generation: UInt32, form: Machine.Form
    ) throws(PlatformError) {
        self.id = id
        self.name = name
        self.generation = generation
        switch form {
        case .oneProcess:
            memory = try SharedRegion(privatePageCount: pageCount)
            grants = try SharedRegion(privatePageCount: GrantEntry.tablePageCount)
            status = try SharedRegion(privatePageCount: MachineLimits.statusPageCount)
        case .processes:
            memory = try .makeShared(pageCount: pageCount, readOnlyForOthers: false)
            grants = try .makeShared(
                pageCount: GrantEntry.tablePageCount, readOnlyForOthers: false)
            status = try .makeShared(
                pageCount: MachineLimits.statusPageCount, readOnlyForOthers: true)
        }
        status.words.storeRelease(generation, at: 0)
    }

    /// The domain's memory as another domain reaches it.
    var granted: GrantedMemory {
        // SAFETY: callers hold the domain while they use the view.
        unsafe GrantedMemory(
            memory: memory.base, pageCount: UInt32(memory.pageCount), grants: grants.words)
    }

    /// Tells every process that maps the status words whether a send to a port's peer arrives.
    func publish(port: EventChannelPort, isBound: Bool) {
        status.words.storeRelease(isBound ? 1 : 0, at: Int(port.rawValue))
    }

    /// The record of a port, nil if there is none.
    func port(_ port: EventChannelPort) -> MachinePort? {
        port.rawValue < UInt32(ports.count) ? ports[Int(port.rawValue)] : nil
    }

    /// Takes a port's record out.
    func removePort(_ port: EventChannelPort) {
        ports[Int(port.rawValue)] = nil
        lowestFree = min(lowestFree, Int(port.rawValue))
    }

    /// The lowest port number that is free, nil when all are taken.
    func freePort() -> EventChannelPort? {
        while lowestFree < ports.count {
            if ports[lowestFree] == nil { return EventChannelPort(UInt32(lowestFree)) }
            lowestFree += 1
        }
        guard ports.count < MachineLimits.portCount else { return nil }
        ports.append(nil)
        return EventChannelPort(UInt32(lowestFree))
    }
}

/// One port of a domain.
struct MachinePort {
    /// Corresponds to `ECS_UNBOUND` and `ECS_INTERDOMAIN`.
    enum State: Equatable {
        case unbound(for: DomainID)
        case bound(to: EventChannelPort, of: DomainID)
    }

    var state: State
    /// Who opened it, and who adopted it later; never none. In one process the last one sees its
    /// events, between processes whoever waits for them.
    var owners: [MachineHandle]
    /// The eventfds; nil in one process.
    let line: EventLine?
    /// In one process only: raised and not yet taken.
    var isPending = false
    /// In one process only: taken and not yet unmasked.
    var isMasked = false

    init(state: State, owner: MachineHandle, line: EventLine?) {
        self.state = state
        owners = [owner]
        self.line = line
    }

    /// Whether this one may use it.
    func isOwned(by handle: MachineHandle) -> Bool { owners.contains { $0 === handle } }
}

/// What one user of the hypervisor's interface holds: mappings and ports. All of it is undone
/// when the user dies, as the kernel undoes a dead process's.
final class MachineHandle {
    let domain: MachineDomain
    /// Mapped grants by the number that `unmap` names.
    var pins: [UInt32: GrantPin] = [:]
    /// In one process only: ports to take, oldest first; they are pending and unmasked.
    var ready: [EventChannelPort] = []
    /// False once the handle was closed or its domain destroyed.
    var isOpen = true

    init(domain: MachineDomain) { self.domain = domain }
}

/// One mapped grant.
struct GrantPin {
    let domain: MachineDomain
    let reference: GrantReference
    /// The page number that was checked when it was mapped.
    let frame: UInt32
}
