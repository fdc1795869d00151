// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Platform

extension MachineServer {
    /// A reply and the descriptors that go with it, which stay ours.
    struct Answer {
        var message = MachineMessage(code: 0)
        var descriptors: [Int32] = []
    }

    /// Does what a datagram asks.
    mutating func answer(to bytes: ArraySlice<UInt8>, from client: MachineClient) -> Answer {
        guard let message = MachineMessage(bytes), let request = MachineRequest(message) else {
            return Answer(message: MachineMessage(code: UInt32(EINVAL)))
        }
        do {
            return try perform(request, for: client)
        } catch {
            return Answer(message: MachineMessage(code: UInt32(clamping: error.errno)))
        }
    }

    private mutating func perform(
        _ request: MachineRequest, for client: MachineClient
    ) throws(PlatformError) -> Answer {
        let handle = client.handle
        switch request {
        case .openSelf: return pages(of: handle.domain)
        case .openPeer(let id):
            guard let domain = machine.domains[id] else {
                throw PlatformError("open", errno: ESRCH)
            }
            return pages(of: domain)
        case .map(let reference, let id):
            let (number, pin) = try machine.map(reference, of: id, by: handle)
            return Answer(
                message: MachineMessage(code: 0, number, pin.frame, pin.domain.generation))
        case .unmap(let number):
            try machine.unmap(number, by: handle)
            return Answer()
        case .allocateUnbound(let id):
            return port(try machine.allocateUnbound(for: id, by: handle), of: handle)
        case .bindInterdomain(let remote, let id):
            return port(try machine.bindInterdomain(remote, of: id, by: handle), of: handle)
        case .leavePort(let port):
            machine.leavePort(port, by: handle)
            return Answer()
        case .adoptPort(let port):
            try machine.adoptPort(port, by: handle)
            return self.port(port, of: handle)
        case .closePort(let port):
            try machine.closePort(port, by: handle)
            return Answer()
        case .create, .destroy, .find, .stopStore, .startStore:
            guard client.domain == .control else { throw PlatformError("domctl", errno: EPERM) }
            return try control(request)
        }
    }

    private mutating func control(_ request: MachineRequest) throws(PlatformError) -> Answer {
        switch request {
        case .create(let name, let pageCount, let wanted):
            let id = try createDomain(name: name, pageCount: pageCount, id: wanted)
            return Answer(message: MachineMessage(code: 0, UInt32(id.rawValue)))
        case .destroy(let id):
            try destroyDomain(id)
            return Answer()
        case .stopStore(let id):
            try stopStore(of: id)
            return Answer()
        case .startStore(let id):
            try startStore(of: id)
            return Answer()
        case .find(let first):
            let found = machine.domainIDs.first { $0.rawValue >= first.rawValue }
            guard let found, let domain = machine.domains[found] else {
                throw PlatformError("domctl", errno: ENOENT)
            }
            return Answer(
                message: MachineMessage(
                    code: 0, UInt32(found.rawValue), UInt32(domain.memory.pageCount),
                    name: domain.name))
        default: throw PlatformError("domctl", errno: EINVAL)
        }
    }

    private func pages(of domain: MachineDomain) -> Answer {
        Answer(
            message: MachineMessage(
                code: 0, UInt32(domain.id.rawValue), UInt32(domain.memory.pageCount),
                domain.generation),
            descriptors: [
                domain.memory.descriptor, domain.grants.descriptor, domain.status.descriptor,
            ])
    }

    private func port(_ port: EventChannelPort, of handle: MachineHandle) -> Answer {
        let line = machine.line(of: port, by: handle)
        return Answer(
            message: MachineMessage(code: 0, port.rawValue),
            descriptors: line.map { [$0.inbound, $0.outbound] } ?? [])
    }
}
