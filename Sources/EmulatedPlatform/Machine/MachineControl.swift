// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import Platform

/// Dom0's hold on the machine: makes, lists and ends domains. Blocks until the machine answers.
public struct MachineControl: ~Copyable {
    private let connection: MachineConnection

    /// One domain as `domains` lists it.
    public struct Domain: Equatable, Sendable {
        /// Its number.
        public let id: DomainID
        /// Its name, unique within the machine.
        public let name: String
        /// Its memory in pages of 4096 bytes.
        public let pageCount: Int
    }

    /// Connects as dom0 to the machine that uses `directory`.
    public init(directory: String) throws(PlatformError) {
        connection = try MachineConnection(
            path: MachineSockets(of: .control, in: directory).hypervisor)
    }

    /// Makes a domain, with its sockets; without an id the machine chooses one.
    ///
    /// - Throws: `PlatformError` with EEXIST when the name or the id is taken, EINVAL for a name
    ///   that is empty or has more than 43 bytes, or a size out of range.
    public func createDomain(
        name: String, pageCount: Int, id: DomainID? = nil
    ) throws(PlatformError) -> DomainID {
        guard name.utf8.count <= MachineMessage.nameSizeMax else {
            throw PlatformError("XEN_DOMCTL_createdomain", errno: EINVAL)
        }
        let reply = try connection.call(
            .create(name: name, pageCount: pageCount, id: id), "XEN_DOMCTL_createdomain")
        return DomainID(UInt16(truncatingIfNeeded: reply.value(0)))
    }

    /// Ends a domain.
    ///
    /// - Throws: `PlatformError` with ESRCH if there is none, EINVAL for dom0.
    public func destroyDomain(_ id: DomainID) throws(PlatformError) {
        _ = try connection.call(.destroy(id), "XEN_DOMCTL_destroydomain")
    }

    /// Ends a domain's connections to the store and takes no new ones, as if xenstored were gone;
    /// its nodes stay.
    ///
    /// - Throws: `PlatformError` with ESRCH if there is no such domain.
    public func stopStore(of id: DomainID) throws(PlatformError) {
        _ = try connection.call(.stopStore(of: id), "stop")
    }

    /// Serves the store to a domain again.
    ///
    /// - Throws: `PlatformError` with ESRCH if there is no such domain.
    public func startStore(of id: DomainID) throws(PlatformError) {
        _ = try connection.call(.startStore(of: id), "start")
    }

    /// Every domain, by id.
    public func domains() throws(PlatformError) -> [Domain] {
        var domains: [Domain] = []
        var next: UInt16 = 0
        while next < DomainID.firstReserved.rawValue {
            do {
                let reply = try connection.call(
                    .find(from: DomainID(next)), "XEN_DOMCTL_getdomaininfo")
                let id = UInt16(truncatingIfNeeded: reply.value(0))
                domains.append(
                    Domain(id: DomainID(id), name: reply.name, pageCount: Int(reply.value(1))))
                next = id + 1
            } catch {
                if error.errno == ENOENT { break }
                throw error
            }
        }
        return domains
    }
}
