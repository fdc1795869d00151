// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import Platform
internal import SharedMemory

/// The emulated hypervisor's rules: domains, grants and event channels, with Xen's semantics.
///
/// Used in two forms. In one process, `InProcessHypervisor` and `InProcessGuestDomain` call it
/// directly, and everything happens in the order of the calls. As processes, `MachineServer` calls
/// it for whoever connects, and only what needs no arbiter (copies, sends) bypasses it. One value
/// serves one thread.
public final class Machine {
    /// How domains reach their memory and events.
    public enum Form: CaseIterable, Sendable {
        /// Memory of this process, events as flags.
        case oneProcess
        /// Memory as memfds, events as eventfds.
        case processes
    }

    /// How domains reach their memory and events.
    public let form: Form
    var domains: [DomainID: MachineDomain] = [:]
    var handles: [ObjectIdentifier: MachineHandle] = [:]
    private var lastDomain = DomainID.control
    private var lastGeneration: UInt32 = 0
    var lastPin: UInt32 = 0

    /// Starts a machine with dom0 alone, which has 1024 pages.
    public init(form: Form) throws(PlatformError) {
        self.form = form
        try createDomain(name: "Domain-0", pageCount: 1024, id: .control)
    }

    /// Makes a domain of `pageCount` zeroed pages. Without an id it gets the next one that is free
    /// after the last one given; ids of destroyed domains come back only after all others, or when
    /// asked for.
    ///
    /// - Throws: `PlatformError` with EEXIST when the id is taken, EINVAL for an id or a page count
    ///   out of range, ENOSPC when no id is left.
    @discardableResult
    public func createDomain(
        name: String, pageCount: Int, id wanted: DomainID? = nil
    ) throws(PlatformError) -> DomainID {
        guard (1...MachineLimits.pageCountMax).contains(pageCount) else {
            throw PlatformError("XEN_DOMCTL_createdomain", errno: EINVAL)
        }
        let id = if let wanted { wanted } else { try nextID() }
        guard id.rawValue < DomainID.firstReserved.rawValue else {
            throw PlatformError("XEN_DOMCTL_createdomain", errno: EINVAL)
        }
        guard domains[id] == nil else {
            throw PlatformError("XEN_DOMCTL_createdomain", errno: EEXIST)
        }
        lastGeneration += 1
        domains[id] = try MachineDomain(
            id: id, name: name, pageCount: pageCount, generation: lastGeneration, form: form)
        if wanted == nil { lastDomain = id }
        return id
    }

    private func nextID() throws(PlatformError) -> DomainID {
        let limit = DomainID.firstReserved.rawValue
        for step in 1..<limit {
            let id = DomainID((lastDomain.rawValue + step) % limit)
            if id != .control && domains[id] == nil { return id }
        }
        throw PlatformError("XEN_DOMCTL_createdomain", errno: ENOSPC)
    }

    /// Ends a domain: its mappings and ports are undone, its grants are gone. Pages that others
    /// still map stay readable to them.
    ///
    /// - Throws: `PlatformError` with ESRCH if there is none, EINVAL for dom0.
    public func destroyDomain(_ id: DomainID) throws(PlatformError) {
        guard id != .control else {
            throw PlatformError("XEN_DOMCTL_destroydomain", errno: EINVAL)
        }
        guard let domain = domains[id] else {
            throw PlatformError("XEN_DOMCTL_destroydomain", errno: ESRCH)
        }
        for handle in handles.values where handle.domain === domain { close(handle) }
        // Others that hold views of the domain see this and refuse to use them.
        domain.status.words.storeRelease(0, at: 0)
        domains[id] = nil
    }

    /// The domains there are, by id.
    public var domainIDs: [DomainID] {
        domains.keys.sorted { $0.rawValue < $1.rawValue }
    }

    /// A domain's name, nil if there is no such domain.
    public func name(of id: DomainID) -> String? { domains[id]?.name }

    /// How many pages a domain has, nil if there is no such domain.
    public func pageCount(of id: DomainID) -> Int? { domains[id]?.memory.pageCount }

    /// How many mappings of a grant there are: 0 means that its owner may take it back.
    public func mappingCount(of reference: GrantReference, of id: DomainID) -> Int {
        domains[id]?.pinCounts[reference.rawValue] ?? 0
    }

    /// Begins the use of the hypervisor's interface by (a process of) a domain.
    func open(as id: DomainID) throws(PlatformError) -> MachineHandle {
        guard let domain = domains[id] else { throw PlatformError("open", errno: ESRCH) }
        let handle = MachineHandle(domain: domain)
        handles[ObjectIdentifier(handle)] = handle
        return handle
    }

    /// Ends it: every mapping is undone, and every port closed that nobody else has adopted.
    func close(_ handle: MachineHandle) {
        guard handle.isOpen else { return }
        for number in handle.domain.ports.indices
        where handle.domain.ports[number]?.isOwned(by: handle) == true {
            leavePort(EventChannelPort(UInt32(number)), by: handle)
        }
        // The pins stay listed: they keep the memory of pages still in use until the handle goes.
        for pin in handle.pins.values { unpin(pin) }
        handle.isOpen = false
        handles[ObjectIdentifier(handle)] = nil
    }
}
