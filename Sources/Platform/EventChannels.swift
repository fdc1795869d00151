// SPDX-License-Identifier: Apache-2.0

/// What a backend asks of event channels. One value serves one thread.
public protocol EventChannels: ~Copyable {
    /// Binds a port that `domain` left unbound for us. The local port is pending at once.
    ///
    /// - Throws: `PlatformError` with EINVAL unless the remote port is unbound and meant for us.
    mutating func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws(PlatformError) -> EventChannelPort

    /// Takes up a local port that a sibling of this process bound: it stays open for as long as
    /// either has it. What came meanwhile shows at once, masked or not, but what the sibling had
    /// taken and not served does not: treat the port as pending.
    ///
    /// - Throws: `PlatformError` with EINVAL if there is no such port or it is another domain's;
    ///   Xen's kernel does not tell.
    mutating func adopt(_ port: EventChannelPort) throws(PlatformError)

    /// Gives up what `adopt` took; the sibling's binding stays as it is.
    mutating func disown(_ port: EventChannelPort) throws(PlatformError)

    /// Closes a local port; the peer's end is unbound again and its sends are lost.
    mutating func unbind(_ port: EventChannelPort) throws(PlatformError)

    /// Raises the peer's end. Lost without an error while the peer is unbound.
    mutating func notify(_ port: EventChannelPort) throws(PlatformError)

    /// Takes the next pending port, which stays masked until `unmask`; nil when none is pending.
    mutating func nextPending() throws(PlatformError) -> EventChannelPort?

    /// Lets a port that was pending be pending again; an event that came meanwhile shows at once.
    mutating func unmask(_ port: EventChannelPort) throws(PlatformError)
}
