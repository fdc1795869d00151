// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What event channels promise, on whatever machine: each case is one sentence that holds.
public enum EventChannelCheck: String, PlatformCheck {
    case bindRaises = "a bind raises the binder's port at once, and not the peer's"
    case bothWays = "an event reaches the other end, both ways"
    case coalesce = "several sends before a take are one event"
    case masked = "a taken port stays masked until it is unmasked, and shows what came meanwhile"
    case manyPorts = "many pending ports are each taken once"
    case secondBind = "a second bind of the same port is EINVAL"
    case bindAgain = "after an unbind the port can be bound again"
    case neverAllocated = "a port that was never made is not bound"
    case noDomain = "a port of a domain that is not there is not bound"
    case notOurs = "a port that is not ours is neither raised nor closed"
    case lostSends = "a send to a port that nobody has bound is lost without an error"
    case peerCloses = "when the guest has closed its port, sends are lost without an error"
    case neverBlocks = "to look for a pending port never blocks"

    /// Tries it; throws a `ProofFailure` or the platform's own error.
    public func run<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws {
        let remote = try peer.allocateUnbound()
        switch self {
        case .bindRaises: try Self.bindRaises(remote, &hypervisor, peer)
        case .bothWays: try Self.bothWays(remote, &hypervisor, peer)
        case .coalesce: try Self.coalesce(remote, &hypervisor, peer)
        case .masked: try Self.masked(remote, &hypervisor, peer)
        case .manyPorts: try Self.manyPorts(&hypervisor, peer)
        case .secondBind: try Self.secondBind(remote, &hypervisor, peer)
        case .bindAgain: try Self.bindAgain(remote, &hypervisor, peer)
        case .neverAllocated:
            for port in [0, 4000, UInt32.max] {
                try Self.isRefused(EventChannelPort(port), of: peer.domain, &hypervisor)
            }
        case .noDomain: try Self.isRefused(remote, of: DomainID(0x7000), &hypervisor)
        case .notOurs: try Self.notOurs(&hypervisor)
        case .lostSends: try Self.lostSends(remote, &hypervisor, peer)
        case .peerCloses:
            try Self.peerCloses(remote, &hypervisor, peer)
            return
        case .neverBlocks:
            for _ in 0..<1000 { try equal(try hypervisor.nextPending(), nil, "the pending port") }
        }
        try peer.close(remote)
    }

    /// Binds and takes the event that every bind raises.
    private static func bind<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ remote: EventChannelPort, _ hypervisor: inout H, _ peer: P
    ) throws -> EventChannelPort {
        let port = try hypervisor.bindInterdomain(remote, of: peer.domain)
        try equal(try eventually { try hypervisor.nextPending() }, port, "the port of the bind")
        try hypervisor.unmask(port)
        return port
    }

    private static func isQuiet<H: Hypervisor & ~Copyable>(
        _ hypervisor: inout H, _ when: String
    ) throws {
        try equal(
            try afterAWhile { try hypervisor.nextPending() }, nil, "the pending port \(when)")
    }

    private static func isRefused<H: Hypervisor & ~Copyable>(
        _ remote: EventChannelPort, of domain: DomainID, _ hypervisor: inout H
    ) throws {
        guard let port = try? hypervisor.bindInterdomain(remote, of: domain) else { return }
        throw ProofFailure("port \(remote) of \(domain) was bound to \(port)")
    }

    private static func bindRaises<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ remote: EventChannelPort, _ hypervisor: inout H, _ peer: P
    ) throws {
        let port = try bind(remote, &hypervisor, peer)
        try isQuiet(&hypervisor, "after the bind's own")
        try equal(try peer.nextPending(), nil, "the peer's pending port")
        try hypervisor.unbind(port)
    }

    private static func bothWays<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ remote: EventChannelPort, _ hypervisor: inout H, _ peer: P
    ) throws {
        let port = try bind(remote, &hypervisor, peer)
        for _ in 0..<3 {
            try hypervisor.notify(port)
            try equal(try eventually { try peer.nextPending() }, remote, "the peer's port")
            try peer.unmask(remote)
            try isQuiet(&hypervisor, "after a send of our own")
            try peer.notify(remote)
            try equal(try eventually { try hypervisor.nextPending() }, port, "our port")
            try hypervisor.unmask(port)
            try equal(try afterAWhile { try peer.nextPending() }, nil, "the peer's pending port")
        }
        try hypervisor.unbind(port)
    }

    private static func coalesce<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ remote: EventChannelPort, _ hypervisor: inout H, _ peer: P
    ) throws {
        let port = try bind(remote, &hypervisor, peer)
        for _ in 0..<5 { try peer.notify(remote) }
        try equal(try eventually { try hypervisor.nextPending() }, port, "our port")
        try isQuiet(&hypervisor, "after the take")
        try hypervisor.unbind(port)
    }

    private static func masked<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ remote: EventChannelPort, _ hypervisor: inout H, _ peer: P
    ) throws {
        let port = try bind(remote, &hypervisor, peer)
        try peer.notify(remote)
        try equal(try eventually { try hypervisor.nextPending() }, port, "our port")
        try peer.notify(remote)
        try isQuiet(&hypervisor, "while it is masked")
        try hypervisor.unmask(port)
        try equal(try eventually { try hypervisor.nextPending() }, port, "our port, unmasked,")
        try hypervisor.unmask(port)
        try isQuiet(&hypervisor, "after all was taken")
        try hypervisor.unbind(port)
    }

    private static func manyPorts<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws {
        let remotes = try (0..<40).map { _ in try peer.allocateUnbound() }
        var bound: Set<EventChannelPort> = []
        for remote in remotes {
            bound.insert(try hypervisor.bindInterdomain(remote, of: peer.domain))
        }
        try equal(bound.count, remotes.count, "the number of our ports")
        var taken: Set<EventChannelPort> = []
        while taken.count < bound.count,
            let port = try eventually({ try hypervisor.nextPending() })
        {
            try hold(taken.insert(port).inserted, "port \(port) was taken twice")
        }
        try hold(taken == bound, "of \(bound) only \(taken) were taken")
        for port in bound { try hypervisor.unbind(port) }
        for remote in remotes { try peer.close(remote) }
    }

    private static func secondBind<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ remote: EventChannelPort, _ hypervisor: inout H, _ peer: P
    ) throws {
        let port = try bind(remote, &hypervisor, peer)
        var code: Int32 = 0
        do throws(PlatformError) {
            _ = try hypervisor.bindInterdomain(remote, of: peer.domain)
        } catch {
            code = error.errno
        }
        try equal(code, 22, "the errno of the second bind")
        try peer.notify(remote)
        try equal(try eventually { try hypervisor.nextPending() }, port, "the first bind's port")
        try hypervisor.unbind(port)
    }

    private static func bindAgain<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ remote: EventChannelPort, _ hypervisor: inout H, _ peer: P
    ) throws {
        for _ in 0..<3 {
            let port = try bind(remote, &hypervisor, peer)
            // Left pending: Linux may still show it once, by its old name.
            try peer.notify(remote)
            try hypervisor.unbind(port)
            if let stale = try afterAWhile({ try hypervisor.nextPending() }) {
                try equal(stale, port, "what was left pending")
            }
            try isQuiet(&hypervisor, "after the unbind")
        }
        let port = try bind(remote, &hypervisor, peer)
        try hypervisor.notify(port)
        try equal(try eventually { try peer.nextPending() }, remote, "the peer's port")
        try peer.unmask(remote)
        try hypervisor.unbind(port)
    }

    private static func notOurs<H: Hypervisor & ~Copyable>(_ hypervisor: inout H) throws {
        let port = EventChannelPort(4000)
        var refused: [String] = []
        do { try hypervisor.notify(port) } catch { refused.append("notify") }
        do { try hypervisor.unbind(port) } catch { refused.append("unbind") }
        try equal(refused, ["notify", "unbind"], "what was refused")
        // Linux takes an unmasking of such a port and does nothing.
        try? hypervisor.unmask(port)
    }

    private static func lostSends<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ remote: EventChannelPort, _ hypervisor: inout H, _ peer: P
    ) throws {
        try peer.notify(remote)
        let port = try bind(remote, &hypervisor, peer)
        try isQuiet(&hypervisor, "after the bind's own")
        try equal(try peer.nextPending(), nil, "the peer's pending port")
        try hypervisor.unbind(port)
    }

    private static func peerCloses<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ remote: EventChannelPort, _ hypervisor: inout H, _ peer: P
    ) throws {
        let port = try bind(remote, &hypervisor, peer)
        try peer.close(remote)
        for _ in 0..<3 { try hypervisor.notify(port) }
        try isQuiet(&hypervisor, "after the peer's close")
        try hypervisor.unbind(port)
    }
}
