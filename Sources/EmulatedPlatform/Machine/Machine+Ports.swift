// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Platform

extension Machine {
    /// Makes a port that `remote` may bind to; the domain need not exist yet.
    /// Corresponds to `EVTCHNOP_alloc_unbound`.
    ///
    /// - Throws: `PlatformError` with EINVAL for no real domain, ENOSPC when all ports are taken.
    func allocateUnbound(
        for remote: DomainID, by handle: MachineHandle
    ) throws(PlatformError) -> EventChannelPort {
        guard handle.isOpen, remote.rawValue < DomainID.firstReserved.rawValue else {
            throw PlatformError("EVTCHNOP_alloc_unbound", errno: EINVAL)
        }
        guard let port = handle.domain.freePort() else {
            throw PlatformError("EVTCHNOP_alloc_unbound", errno: ENOSPC)
        }
        let line = form == .processes ? try EventLine() : nil
        handle.domain.ports[Int(port.rawValue)] = MachinePort(
            state: .unbound(for: remote), owner: handle, line: line)
        handle.domain.publish(port: port, isBound: false)
        return port
    }

    /// Binds a local port to one that `id` left unbound for the caller's domain; the local port
    /// is pending at once, since events may have been lost before.
    /// Corresponds to `EVTCHNOP_bind_interdomain`.
    ///
    /// - Throws: `PlatformError` with ESRCH if there is no such domain, EINVAL unless the remote
    ///   port is unbound and meant for the caller, ENOSPC when all ports are taken.
    func bindInterdomain(
        _ remote: EventChannelPort, of id: DomainID, by handle: MachineHandle
    ) throws(PlatformError) -> EventChannelPort {
        guard let domain = domains[id] else {
            throw PlatformError("EVTCHNOP_bind_interdomain", errno: ESRCH)
        }
        guard handle.isOpen, let record = domain.port(remote),
            record.state == .unbound(for: handle.domain.id)
        else { throw PlatformError("EVTCHNOP_bind_interdomain", errno: EINVAL) }
        guard let local = handle.domain.freePort() else {
            throw PlatformError("EVTCHNOP_bind_interdomain", errno: ENOSPC)
        }
        let line = record.line?.peer
        // Events raised for the end's earlier owner are not ours.
        line?.drain()
        handle.domain.ports[Int(local.rawValue)] = MachinePort(
            state: .bound(to: remote, of: id), owner: handle, line: line)
        domain.ports[Int(remote.rawValue)]?.state = .bound(to: local, of: handle.domain.id)
        handle.domain.publish(port: local, isBound: true)
        domain.publish(port: remote, isBound: true)
        raise(local, of: handle.domain)
        return local
    }

    /// Makes the caller one more owner of a port that its domain opened before. In one process the
    /// port is pending if it was so or was taken and not yet unmasked; between processes its
    /// eventfd stays as it is.
    ///
    /// - Throws: `PlatformError` with EINVAL if the caller's domain has no such port.
    func adoptPort(
        _ port: EventChannelPort, by handle: MachineHandle
    ) throws(PlatformError) {
        guard handle.isOpen, var record = handle.domain.port(port) else {
            throw PlatformError("adopt", errno: EINVAL)
        }
        for owner in record.owners { owner.ready.removeAll { $0 == port } }
        record.owners.removeAll { $0 === handle }
        record.owners.append(handle)
        record.isPending = record.isPending || record.isMasked
        record.isMasked = false
        handle.domain.ports[Int(port.rawValue)] = record
        if record.isPending { handle.ready.append(port) }
    }

    /// Takes an owner off a port; the last one's leaving closes it.
    func leavePort(_ port: EventChannelPort, by handle: MachineHandle) {
        guard var record = handle.domain.port(port), record.isOwned(by: handle) else { return }
        record.owners.removeAll { $0 === handle }
        guard let next = record.owners.last else {
            removePort(port, of: handle.domain)
            return
        }
        handle.domain.ports[Int(port.rawValue)] = record
        if record.isPending, !record.isMasked, !next.ready.contains(port) {
            next.ready.append(port)
        }
    }

    /// Closes a port for all its owners; a bound peer is unbound again, for the same domain.
    /// Corresponds to `EVTCHNOP_close`.
    ///
    /// - Throws: `PlatformError` with EINVAL if the caller has no such port.
    func closePort(
        _ port: EventChannelPort, by handle: MachineHandle
    ) throws(PlatformError) {
        guard handle.domain.port(port)?.isOwned(by: handle) == true else {
            throw PlatformError("EVTCHNOP_close", errno: EINVAL)
        }
        removePort(port, of: handle.domain)
    }

    /// Closes a port whoever owns it.
    func removePort(_ port: EventChannelPort, of domain: MachineDomain) {
        guard let record = domain.port(port) else { return }
        domain.removePort(port)
        domain.publish(port: port, isBound: false)
        for owner in record.owners { owner.ready.removeAll { $0 == port } }
        guard case .bound(to: let remote, of: let id) = record.state, let peer = domains[id]
        else { return }
        peer.ports[Int(remote.rawValue)]?.state = .unbound(for: domain.id)
        peer.publish(port: remote, isBound: false)
    }

    /// The eventfds of a port, for the process form.
    func line(of port: EventChannelPort, by handle: MachineHandle) -> EventLine? {
        handle.domain.port(port)?.line
    }

    /// Makes a port pending.
    private func raise(_ port: EventChannelPort, of domain: MachineDomain) {
        guard let record = domain.port(port) else { return }
        if let line = record.line {
            line.raise()
            return
        }
        domain.ports[Int(port.rawValue)]?.isPending = true
        if !record.isPending && !record.isMasked { record.owners.last?.ready.append(port) }
    }
}

/// Sending and receiving within one process; between processes eventfds do this by themselves.
extension Machine {
    /// Raises the peer of a port; lost while the port is unbound. Corresponds to `EVTCHNOP_send`.
    func notify(_ port: EventChannelPort, by handle: MachineHandle) throws(PlatformError) {
        guard let record = handle.domain.port(port), record.isOwned(by: handle) else {
            throw PlatformError("EVTCHNOP_send", errno: EINVAL)
        }
        guard case .bound(to: let remote, of: let id) = record.state, let peer = domains[id]
        else { return }
        raise(remote, of: peer)
    }

    /// Takes the oldest pending port and masks it.
    func nextPending(for handle: MachineHandle) -> EventChannelPort? {
        guard !handle.ready.isEmpty else { return nil }
        let port = handle.ready.removeFirst()
        handle.domain.ports[Int(port.rawValue)]?.isPending = false
        handle.domain.ports[Int(port.rawValue)]?.isMasked = true
        return port
    }

    /// Lets a port be taken again; one that was raised meanwhile is ready at once.
    func unmask(_ port: EventChannelPort, by handle: MachineHandle) throws(PlatformError) {
        guard let record = handle.domain.port(port), record.isOwned(by: handle) else {
            throw PlatformError("EVTCHNOP_unmask", errno: EINVAL)
        }
        guard record.isMasked else { return }
        handle.domain.ports[Int(port.rawValue)]?.isMasked = false
        if record.isPending { record.owners.last?.ready.append(port) }
    }
}
