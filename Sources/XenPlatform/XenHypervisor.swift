// SPDX-License-Identifier: Apache-2.0
public import Platform

/// Xen's grant table and event channels through libxengnttab and libxenevtchn: what one worker
/// thread of a driver domain uses.
@safe
public struct XenHypervisor: Hypervisor, ~Copyable {
    @usableFromInline let grants: LibXenGrantTable
    @usableFromInline let channels: LibXenEventChannels

    /// Opens /dev/xen/gntdev and /dev/xen/evtchn for this thread.
    ///
    /// - Throws: `PlatformError`; ENOENT without Xen, EACCES without privilege.
    public init() throws(PlatformError) {
        let grants = try LibXenGrantTable()
        let channels = try LibXenEventChannels()
        self.grants = grants
        self.channels = channels
    }

    /// Opens /dev/xen/gntdev, and takes over a descriptor from `openChannels` or a copy of it, as a
    /// child inherits one; it is closed even when this fails. What one holder of the open file has
    /// bound, every other one may `adopt`.
    ///
    /// - Throws: `PlatformError`; ENOENT without Xen, EACCES without privilege.
    public init(channels descriptor: Int32) throws(PlatformError) {
        let channels = try LibXenEventChannels(taking: descriptor)
        grants = try LibXenGrantTable()
        self.channels = channels
    }

    /// Opens /dev/xen/evtchn for several processes: ports live until every copy of the descriptor
    /// is closed. The caller owns it; it is non-blocking and close-on-exec.
    ///
    /// - Throws: `PlatformError`; ENOENT without Xen, EACCES without privilege.
    public static func openChannels() throws(PlatformError) -> Int32 {
        try LibXenEventChannels.open()
    }

    /// Readable when a port is pending.
    public var descriptor: Int32 { channels.descriptor }

    /// Maps one granted page for reading and writing. Corresponds to `xengnttab_map_grant_ref`.
    ///
    /// - Throws: `PlatformError` when the grant does not exist or is not for us.
    public mutating func map(
        _ reference: GrantReference, of domain: DomainID
    ) throws(PlatformError) -> MappedPages {
        try grants.map(reference, of: domain)
    }

    /// Gives a mapping back. Corresponds to `xengnttab_unmap`.
    ///
    /// - Throws: `PlatformError` if the kernel refuses.
    public mutating func unmap(_ pages: consuming MappedPages) throws(PlatformError) {
        try grants.unmap(pages)
    }

    /// Performs the batch in one call. Corresponds to `xengnttab_grant_copy`.
    ///
    /// - Throws: `PlatformError` when the device refused the whole batch.
    @inlinable
    public mutating func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws(PlatformError) {
        try grants.copy(&batch, direction, arena: arena)
    }

    /// Binds a guest's unbound port. Corresponds to `xenevtchn_bind_interdomain`.
    ///
    /// - Throws: `PlatformError` with EINVAL unless the port is unbound and meant for us.
    public mutating func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws(PlatformError) -> EventChannelPort {
        try channels.bindInterdomain(remote, of: domain)
    }

    /// Takes up a port bound through another copy of the descriptor: there it is ours already, and
    /// may only be masked. The kernel does not refuse a port that does not exist.
    ///
    /// - Throws: `PlatformError` if the device failed.
    public mutating func adopt(_ port: EventChannelPort) throws(PlatformError) {
        try channels.unmask(port)
    }

    /// Nothing to be done: the port belongs to the descriptor, which the sibling has too.
    public mutating func disown(_ port: EventChannelPort) throws(PlatformError) {}

    /// Closes a local port. Corresponds to `xenevtchn_unbind`.
    ///
    /// - Throws: `PlatformError` if the port is not ours.
    public mutating func unbind(_ port: EventChannelPort) throws(PlatformError) {
        try channels.unbind(port)
    }

    /// Raises the peer's end. Corresponds to `xenevtchn_notify`.
    ///
    /// - Throws: `PlatformError` if the port is not ours.
    @inlinable
    public mutating func notify(_ port: EventChannelPort) throws(PlatformError) {
        try channels.notify(port)
    }

    /// Takes the next pending port, nil when none is. Corresponds to `xenevtchn_pending`.
    ///
    /// - Throws: `PlatformError` if the device failed.
    public mutating func nextPending() throws(PlatformError) -> EventChannelPort? {
        try channels.nextPending()
    }

    /// Lets a port be pending again. Corresponds to `xenevtchn_unmask`.
    ///
    /// - Throws: `PlatformError` if the port is not ours.
    @inlinable
    public mutating func unmask(_ port: EventChannelPort) throws(PlatformError) {
        try channels.unmask(port)
    }
}
