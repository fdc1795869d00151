// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// What a domain asks of the machine. The reply's values and descriptors stand beside each case.
enum MachineRequest: Equatable {
    /// Own domid, pages, generation; memory, grant table, status words.
    case openSelf
    /// The peer's domid, pages, generation; its memory, grant table, status words.
    case openPeer(DomainID)
    /// The mapping's number, the page number, the peer's generation; none.
    case map(GrantReference, of: DomainID)
    /// None; none.
    case unmap(number: UInt32)
    /// The port; its inbound and outbound eventfd.
    case allocateUnbound(for: DomainID)
    /// The local port; its inbound and outbound eventfd.
    case bindInterdomain(EventChannelPort, of: DomainID)
    /// None; none.
    case closePort(EventChannelPort)
    /// Of dom0 alone. The domid; none. Without an id the machine chooses.
    case create(name: String, pageCount: Int, id: DomainID?)
    /// Of dom0 alone. None; none.
    case destroy(DomainID)
    /// Of dom0 alone. The first domain with this id or a higher one: domid and pages (and name),
    /// or ENOENT; none.
    case find(from: DomainID)
    /// Of dom0 alone. None; none. Ends a domain's connections to the store and takes no new ones.
    case stopStore(of: DomainID)
    /// Of dom0 alone. None; none. Undoes `stopStore`.
    case startStore(of: DomainID)
    /// The port, which another connection of the domain opened; its inbound and outbound eventfd.
    case adoptPort(EventChannelPort)
    /// None; none. Undoes `adoptPort`; the last owner's leaving closes the port.
    case leavePort(EventChannelPort)

    /// Says "the machine chooses" in place of a domid.
    private static let anyID: UInt32 = .max

    /// Reads a request; nil for a code or a value that means nothing.
    init?(_ message: MachineMessage) {
        let (a, b) = (message.values[0], message.values[1])
        func domain(_ value: UInt32) -> DomainID? { UInt16(exactly: value).map { DomainID($0) } }
        switch message.code {
        case 1: self = .openSelf
        case 4: self = .unmap(number: a)
        case 7: self = .closePort(EventChannelPort(a))
        case 13: self = .adoptPort(EventChannelPort(a))
        case 14: self = .leavePort(EventChannelPort(a))
        case 2, 5, 9, 10, 11, 12:
            guard let id = domain(a) else { return nil }
            switch message.code {
            case 2: self = .openPeer(id)
            case 5: self = .allocateUnbound(for: id)
            case 9: self = .destroy(id)
            case 11: self = .stopStore(of: id)
            case 12: self = .startStore(of: id)
            default: self = .find(from: id)
            }
        case 3, 6:
            guard let id = domain(b) else { return nil }
            self =
                message.code == 3
                ? .map(GrantReference(a), of: id)
                : .bindInterdomain(EventChannelPort(a), of: id)
        case 8:
            let id = domain(b)
            guard id != nil || b == MachineRequest.anyID else { return nil }
            self = .create(name: message.name, pageCount: Int(a), id: id)
        default: return nil
        }
    }

    /// The message that says it.
    var message: MachineMessage {
        switch self {
        case .openSelf: MachineMessage(code: 1)
        case .openPeer(let id): MachineMessage(code: 2, UInt32(id.rawValue))
        case .map(let reference, let id):
            MachineMessage(code: 3, reference.rawValue, UInt32(id.rawValue))
        case .unmap(let number): MachineMessage(code: 4, number)
        case .allocateUnbound(let id): MachineMessage(code: 5, UInt32(id.rawValue))
        case .bindInterdomain(let port, let id):
            MachineMessage(code: 6, port.rawValue, UInt32(id.rawValue))
        case .closePort(let port): MachineMessage(code: 7, port.rawValue)
        case .create(let name, let pageCount, let id):
            MachineMessage(
                code: 8, UInt32(clamping: pageCount),
                id.map { UInt32($0.rawValue) } ?? MachineRequest.anyID, name: name)
        case .destroy(let id): MachineMessage(code: 9, UInt32(id.rawValue))
        case .find(let id): MachineMessage(code: 10, UInt32(id.rawValue))
        case .stopStore(let id): MachineMessage(code: 11, UInt32(id.rawValue))
        case .startStore(let id): MachineMessage(code: 12, UInt32(id.rawValue))
        case .adoptPort(let port): MachineMessage(code: 13, port.rawValue)
        case .leavePort(let port): MachineMessage(code: 14, port.rawValue)
        }
    }
}
