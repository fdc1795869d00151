// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import Platform
public import SharedMemory

/// A guest over a machine in another process: its own memory and grant table, and its ports.
/// Dropping it closes its ports; the domain stays. One value serves one thread.
public struct GuestDomain: GuestMemory, GuestEventChannels, ~Copyable {
    private var session: MachineSession

    /// Connects to a domain's `hypervisor.sock` and acts as that domain.
    public init(socket path: String) throws(PlatformError) {
        session = try MachineSession(path: path)
    }

    /// The domain it acts as.
    public var domain: DomainID { session.domain }

    /// Readable while some port is pending and unmasked, or the machine is gone (`nextPending`
    /// then throws ENOTCONN). To be waited on, never read.
    public var descriptor: Int32 { session.ports.descriptor }

    /// The words of its grant table, two per entry: a hostile guest writes there what it likes.
    public var grantTable: MappedWords { session.grants.words }

    /// See `GuestMemory`.
    public var pageCount: Int { session.memory.pageCount }

    /// See `GuestMemory`.
    public func words(ofPage page: Int) -> MappedWords { session.memory.words(ofPage: page) }

    /// See `GuestMemory`.
    @unsafe
    public func address(ofPage page: Int) -> UnsafeMutableRawPointer {
        unsafe session.memory.address(ofPage: page)
    }

    /// See `GuestMemory`.
    public func grant(
        _ reference: GrantReference, page: Int, to domain: DomainID, readOnly: Bool
    ) {
        precondition(page >= 0 && page < pageCount, "a page outside of the domain")
        GrantEntry.grant(
            reference, frame: UInt32(page), to: domain, readOnly: readOnly, in: grantTable)
    }

    /// See `GuestMemory`.
    public func endAccess(_ reference: GrantReference) -> Bool {
        GrantEntry.endAccess(reference, in: grantTable)
    }

    /// See `GuestEventChannels`.
    public mutating func allocateUnbound(
        for domain: DomainID
    ) throws(PlatformError) -> EventChannelPort {
        try session.allocateUnbound(for: domain)
    }

    /// See `GuestEventChannels`.
    public mutating func notify(_ port: EventChannelPort) throws(PlatformError) {
        try session.ports.notify(port, status: session.status.words)
    }

    /// See `GuestEventChannels`.
    public mutating func nextPending() throws(PlatformError) -> EventChannelPort? {
        try session.ports.nextPending()
    }

    /// See `GuestEventChannels`.
    public mutating func unmask(_ port: EventChannelPort) throws(PlatformError) {
        try session.ports.unmask(port)
    }

    /// See `GuestEventChannels`.
    public mutating func close(_ port: EventChannelPort) throws(PlatformError) {
        try session.closePort(port)
    }
}
