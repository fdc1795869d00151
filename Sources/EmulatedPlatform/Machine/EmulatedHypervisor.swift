// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import Platform
internal import SharedMemory

/// A backend's hypervisor over a machine in another process. Copies and sends happen here, at the
/// speed of memory and of an eventfd; mappings and ports are the machine's, which undoes them when
/// this process dies. One value serves one thread.
public struct EmulatedHypervisor: Hypervisor, ~Copyable {
    private var session: MachineSession
    private var peers = PeerTable()

    /// Connects to a domain's `hypervisor.sock` and acts as that domain.
    public init(socket path: String) throws(PlatformError) {
        session = try MachineSession(path: path)
    }

    /// The domain it acts as.
    public var domain: DomainID { session.domain }

    /// Readable while some port is pending and unmasked, or the machine is gone (`nextPending`
    /// then throws ENOTCONN). To be waited on, never read.
    public var descriptor: Int32 { session.ports.descriptor }

    /// Prepares copies from and to a domain; `map` does it too, so only who maps nothing needs it.
    ///
    /// - Throws: `PlatformError` with ESRCH if there is no such domain, ENOSPC when 256 are open.
    public mutating func open(_ domain: DomainID) throws(PlatformError) {
        let reply = try session.connection.call(.openPeer(domain), "open")
        if !peers.knows(domain, generation: reply.value(2)) { try peers.add(Peer(reply)) }
    }

    /// See `GrantTable`.
    public mutating func map(
        _ reference: GrantReference, of domain: DomainID
    ) throws(PlatformError) -> MappedPages {
        let reply = try session.connection.call(
            .map(reference, of: domain), "GNTTABOP_map_grant_ref")
        let number = reply.value(0)
        do {
            if !peers.knows(domain, generation: reply.value(2)) { try open(domain) }
            // SAFETY: mapped until `unmap`; the machine checked the page, `mapAgain` its range.
            return unsafe try MappedPages(
                at: peers.mapAgain(page: reply.value(1), of: domain), pageCount: 1,
                handle: UInt64(number))
        } catch {
            _ = try session.connection.call(.unmap(number: number), "GNTTABOP_unmap_grant_ref")
            throw error
        }
    }

    /// See `GrantTable`.
    public mutating func unmap(_ pages: consuming MappedPages) throws(PlatformError) {
        let number = UInt32(truncatingIfNeeded: pages.handle)
        // SAFETY: the mapping made by `map`, whose user gave it back.
        unsafe munmap(pages.base, pages.pageCount * PageArena.pageSize)
        pages.relinquish()
        _ = try session.connection.call(.unmap(number: number), "GNTTABOP_unmap_grant_ref")
    }

    /// See `GrantTable`. A domain of which nothing was mapped yet is a bad domain.
    @_noAllocation @_noLocks
    public mutating func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws(PlatformError) {
        let caller = session.domain
        var position = 0
        while position < batch.count {
            let status = peers.copy(batch[position], direction, caller: caller, arena: arena)
            batch.setStatus(status, at: position)
            position += 1
        }
    }

    /// See `EventChannels`.
    public mutating func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws(PlatformError) -> EventChannelPort {
        try session.bindInterdomain(remote, of: domain)
    }

    /// See `EventChannels`. The sibling is another connection of the same domain.
    public mutating func adopt(_ port: EventChannelPort) throws(PlatformError) {
        try session.adoptPort(port)
    }

    /// See `EventChannels`.
    public mutating func disown(_ port: EventChannelPort) throws(PlatformError) {
        try session.leavePort(port)
    }

    /// See `EventChannels`.
    public mutating func unbind(_ port: EventChannelPort) throws(PlatformError) {
        try session.closePort(port)
    }

    /// See `EventChannels`.
    @_noAllocation @_noLocks
    public mutating func notify(_ port: EventChannelPort) throws(PlatformError) {
        try session.ports.notify(port, status: session.status.words)
    }

    /// See `EventChannels`.
    @_noAllocation @_noLocks
    public mutating func nextPending() throws(PlatformError) -> EventChannelPort? {
        try session.ports.nextPending()
    }

    /// See `EventChannels`.
    @_noAllocation @_noLocks
    public mutating func unmask(_ port: EventChannelPort) throws(PlatformError) {
        try session.ports.unmask(port)
    }
}
