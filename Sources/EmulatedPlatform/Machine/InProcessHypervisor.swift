// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import Platform
internal import SharedMemory

/// A backend's hypervisor within the process of the machine: deterministic, single-threaded.
/// Dropping it undoes its mappings and ports, as the death of a process does.
public struct InProcessHypervisor: Hypervisor, ~Copyable {
    private let machine: Machine
    private let handle: MachineHandle

    /// Acts as `domain` of `machine`, which must be in the `oneProcess` form.
    ///
    /// - Throws: `PlatformError` with ESRCH if there is no such domain, EINVAL for a machine of
    ///   processes.
    public init(_ machine: Machine, domain: DomainID) throws(PlatformError) {
        guard machine.form == .oneProcess else { throw PlatformError("open", errno: EINVAL) }
        let handle = try machine.open(as: domain)
        self.machine = machine
        self.handle = handle
    }

    deinit { machine.close(handle) }

    /// The domain it acts as.
    public var domain: DomainID { handle.domain.id }

    /// See `GrantTable`.
    public mutating func map(
        _ reference: GrantReference, of domain: DomainID
    ) throws(PlatformError) -> MappedPages {
        let mapping = try machine.map(reference, of: domain, by: handle)
        // SAFETY: `map` checked the page number; the pin keeps the domain's memory until `unmap`.
        return unsafe MappedPages(
            at: mapping.pin.domain.memory.address(ofPage: Int(mapping.pin.frame)), pageCount: 1,
            handle: UInt64(mapping.number))
    }

    /// See `GrantTable`.
    public mutating func unmap(_ pages: consuming MappedPages) throws(PlatformError) {
        let number = UInt32(truncatingIfNeeded: pages.handle)
        pages.relinquish()
        // A destroyed domain has lost its mappings already.
        if handle.isOpen { try machine.unmap(number, by: handle) }
    }

    /// See `GrantTable`.
    public mutating func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws(PlatformError) {
        guard handle.isOpen else { throw PlatformError("GNTTABOP_copy", errno: EBADF) }
        for position in 0..<batch.count {
            let operation = batch[position]
            let status =
                machine.domains[operation.domain]?.granted.copy(
                    operation, direction, caller: handle.domain.id, arena: arena)
            batch.setStatus(status ?? GrantStatus.badDomain, at: position)
        }
    }

    /// See `EventChannels`.
    public mutating func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws(PlatformError) -> EventChannelPort {
        try machine.bindInterdomain(remote, of: domain, by: handle)
    }

    /// See `EventChannels`. The sibling is another hypervisor of the same domain; events come here
    /// from now on, and a port that the sibling had taken is pending again.
    public mutating func adopt(_ port: EventChannelPort) throws(PlatformError) {
        try machine.adoptPort(port, by: handle)
    }

    /// See `EventChannels`.
    public mutating func disown(_ port: EventChannelPort) throws(PlatformError) {
        machine.leavePort(port, by: handle)
    }

    /// See `EventChannels`.
    public mutating func unbind(_ port: EventChannelPort) throws(PlatformError) {
        try machine.closePort(port, by: handle)
    }

    /// See `EventChannels`.
    public mutating func notify(_ port: EventChannelPort) throws(PlatformError) {
        try machine.notify(port, by: handle)
    }

    /// See `EventChannels`.
    public mutating func nextPending() throws(PlatformError) -> EventChannelPort? {
        machine.nextPending(for: handle)
    }

    /// See `EventChannels`.
    public mutating func unmask(_ port: EventChannelPort) throws(PlatformError) {
        try machine.unmask(port, by: handle)
    }
}
