// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import Platform
public import SharedMemory

/// A guest within the process of the machine: deterministic, single-threaded.
/// Dropping it closes its ports, as the death of a process does; the domain stays.
public struct InProcessGuestDomain: GuestMemory, GuestEventChannels, ~Copyable {
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

    /// The words of its grant table, two per entry: a hostile guest writes there what it likes.
    public var grantTable: MappedWords { handle.domain.grants.words }

    /// See `GuestMemory`.
    public var pageCount: Int { handle.domain.memory.pageCount }

    /// See `GuestMemory`.
    public func words(ofPage page: Int) -> MappedWords {
        handle.domain.memory.words(ofPage: page)
    }

    /// See `GuestMemory`.
    @unsafe
    public func address(ofPage page: Int) -> UnsafeMutableRawPointer {
        unsafe handle.domain.memory.address(ofPage: page)
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
        try machine.allocateUnbound(for: domain, by: handle)
    }

    /// See `GuestEventChannels`.
    public mutating func notify(_ port: EventChannelPort) throws(PlatformError) {
        try machine.notify(port, by: handle)
    }

    /// See `GuestEventChannels`.
    public mutating func nextPending() throws(PlatformError) -> EventChannelPort? {
        machine.nextPending(for: handle)
    }

    /// See `GuestEventChannels`.
    public mutating func unmask(_ port: EventChannelPort) throws(PlatformError) {
        try machine.unmask(port, by: handle)
    }

    /// See `GuestEventChannels`.
    public mutating func close(_ port: EventChannelPort) throws(PlatformError) {
        try machine.closePort(port, by: handle)
    }
}
