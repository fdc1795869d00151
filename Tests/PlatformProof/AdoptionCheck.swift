// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What two siblings of a domain that share its ports are promised, on whatever machine.
public enum AdoptionCheck {
    /// The sentence that holds.
    public static let sentence =
        "a port outlives the one that bound it, for a sibling that has adopted it"

    /// Tries it with two siblings, of which the first does not live to its end; throws a
    /// `ProofFailure` or the platform's own error.
    public static func run<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ first: consuming H, _ second: inout H, _ peer: P
    ) throws {
        let remote = try peer.allocateUnbound()
        let port = try bindAndDie(first, &second, peer, remote)
        try equal(try eventually { try second.nextPending() }, port, "the adopted port")
        try second.unmask(port)
        try equal(try afterAWhile { try second.nextPending() }, nil, "the port once unmasked")
        try peer.notify(remote)
        try equal(try eventually { try second.nextPending() }, port, "the port raised later")
        try second.unmask(port)
        try second.notify(port)
        try equal(try eventually { try peer.nextPending() }, remote, "the peer's port")
        try peer.unmask(remote)
        try second.unbind(port)
        let again = try second.bindInterdomain(remote, of: peer.domain)
        try equal(try eventually { try second.nextPending() }, again, "the port bound anew")
        try second.unbind(again)
        try peer.close(remote)
    }

    /// The port is raised while the first has it masked, and adopted before and after its death:
    /// the emulated machine closes a port with its last owner, a shared open file does not.
    private static func bindAndDie<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ first: consuming H, _ second: inout H, _ peer: P, _ remote: EventChannelPort
    ) throws -> EventChannelPort {
        var first = first
        let port = try first.bindInterdomain(remote, of: peer.domain)
        try equal(try eventually { try first.nextPending() }, port, "the port of the bind")
        try peer.notify(remote)
        try second.adopt(port)
        _ = consume first
        try second.adopt(port)
        return port
    }
}
