// SPDX-License-Identifier: Apache-2.0
internal import Platform
internal import SharedMemory

/// What both kinds of users of the machine share between processes: the connection, the own
/// domain's pages, and the ports.
struct MachineSession: ~Copyable {
    /// Whom the machine takes us for.
    let domain: DomainID
    let memory: SharedRegion
    let grants: SharedRegion
    let status: SharedRegion
    var ports: EventPorts
    let connection: MachineConnection

    /// Connects to a domain's `hypervisor.sock`.
    init(path: String) throws(PlatformError) {
        let connection = try MachineConnection(path: path)
        var reply = try connection.call(.openSelf, "open")
        let memory = try SharedRegion(
            mapping: reply.takeDescriptor(), pageCount: Int(reply.value(1)), writable: true)
        let grants = try SharedRegion(
            mapping: reply.takeDescriptor(), pageCount: GrantEntry.tablePageCount, writable: true)
        let status = try SharedRegion(
            mapping: reply.takeDescriptor(), pageCount: MachineLimits.statusPageCount,
            writable: false)
        ports = try EventPorts(connection: connection.descriptor)
        domain = DomainID(UInt16(truncatingIfNeeded: reply.value(0)))
        self.memory = memory
        self.grants = grants
        self.status = status
        self.connection = connection
    }

    mutating func allocateUnbound(
        for remote: DomainID
    ) throws(PlatformError) -> EventChannelPort {
        var reply = try connection.call(.allocateUnbound(for: remote), "EVTCHNOP_alloc_unbound")
        return try addPort(&reply)
    }

    mutating func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws(PlatformError) -> EventChannelPort {
        var reply = try connection.call(
            .bindInterdomain(remote, of: domain), "EVTCHNOP_bind_interdomain")
        return try addPort(&reply)
    }

    /// Shares a port that another connection of the domain opened.
    mutating func adoptPort(_ port: EventChannelPort) throws(PlatformError) {
        var reply = try connection.call(.adoptPort(port), "adopt")
        _ = try addPort(&reply)
    }

    /// Leaves a shared port to whoever else has it.
    mutating func leavePort(_ port: EventChannelPort) throws(PlatformError) {
        ports.remove(port)
        _ = try connection.call(.leavePort(port), "disown")
    }

    mutating func closePort(_ port: EventChannelPort) throws(PlatformError) {
        // Also when the machine refuses: then a sibling has closed a port that both had.
        defer { ports.remove(port) }
        _ = try connection.call(.closePort(port), "EVTCHNOP_close")
    }

    private mutating func addPort(
        _ reply: inout MachineReply
    ) throws(PlatformError) -> EventChannelPort {
        let port = EventChannelPort(reply.value(0))
        let inbound = try reply.takeDescriptor()
        try ports.add(port, inbound: inbound, outbound: reply.takeDescriptor())
        return port
    }
}
