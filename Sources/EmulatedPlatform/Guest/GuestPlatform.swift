// SPDX-License-Identifier: Apache-2.0
public import Platform
public import SharedMemory

/// A guest's own memory and grant table, as its frontends use them. One value serves one thread.
public protocol GuestMemory: ~Copyable {
    /// How many pages of 4096 bytes the guest has.
    var pageCount: Int { get }

    /// The 1024 words of a page. A wrong page is our own bug and traps.
    func words(ofPage page: Int) -> MappedWords

    /// Where a page starts. A wrong page is our own bug and traps.
    ///
    /// SAFETY: valid while the guest's memory is mapped, which whoever owns this value ensures.
    @unsafe
    func address(ofPage page: Int) -> UnsafeMutableRawPointer

    /// Lets `domain` reach a page. Corresponds to `gnttab_grant_foreign_access_ref`.
    func grant(
        _ reference: GrantReference, page: Int, to domain: DomainID, readOnly: Bool)

    /// Takes a grant back; false while the other side still has the page mapped.
    /// Corresponds to `gnttab_end_foreign_access_ref`.
    func endAccess(_ reference: GrantReference) -> Bool
}

/// A guest's own event channels. One value serves one thread.
public protocol GuestEventChannels: ~Copyable {
    /// Makes a port that `domain` alone may bind to. Corresponds to `EVTCHNOP_alloc_unbound`.
    mutating func allocateUnbound(
        for domain: DomainID
    ) throws(PlatformError) -> EventChannelPort

    /// Raises the peer's end. Lost without an error while nobody is bound to the port.
    mutating func notify(_ port: EventChannelPort) throws(PlatformError)

    /// Takes the next pending port, which stays masked until `unmask`; nil when none is pending.
    mutating func nextPending() throws(PlatformError) -> EventChannelPort?

    /// Lets a port that was pending be pending again; an event that came meanwhile shows at once.
    mutating func unmask(_ port: EventChannelPort) throws(PlatformError)

    /// Closes a port; the peer's end is unbound again and its sends are lost.
    mutating func close(_ port: EventChannelPort) throws(PlatformError)
}
