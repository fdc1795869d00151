// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import Platform

/// What the toolstack writes to the store when it makes a domain, and removes when it ends it.
extension MachineServer {
    /// Children of a domain's home that it may read only, and those that are its own.
    private static let readableChildren = ["cpu", "memory", "device", "control"]
    private static let ownChildren = [
        "data", "drivers", "feature", "attr", "error", "control/shutdown",
        "control/feature-poweroff", "control/feature-reboot",
    ]

    /// Makes the home and the domain known to the store. The home belongs to dom0, as under Xen.
    mutating func makeHome(of id: DomainID) throws(PlatformError) {
        let home = "/local/domain/\(id)"
        let readable = [
            StorePermission(domain: .control, mayRead: false, mayWrite: false),
            StorePermission(domain: id, mayRead: true, mayWrite: false),
        ]
        let own = [StorePermission(domain: id, mayRead: false, mayWrite: false)]
        store.introduce(id)
        do {
            try setNode(home, "", readable)
            try setNode("\(home)/name", machine.name(of: id) ?? "", readable)
            try setNode("\(home)/domid", "\(id)", readable)
            for child in MachineServer.readableChildren {
                try setNode("\(home)/\(child)", "", readable)
            }
            for child in MachineServer.ownChildren { try setNode("\(home)/\(child)", "", own) }
        } catch { throw PlatformError("XS_WRITE", errno: error.errno) }
    }

    /// Removes the home and makes the store forget the domain.
    mutating func removeHome(of id: DomainID) throws(PlatformError) {
        do {
            try store.remove("/local/domain/\(id)", by: storeConnection)
        } catch .notFound {} catch { throw PlatformError("XS_RM", errno: error.errno) }
        do {
            try store.release(id)
        } catch .notFound {} catch { throw PlatformError("XS_RELEASE", errno: error.errno) }
    }

    /// Closes a domain's connections to the store, with their watches and transactions, and takes
    /// no new ones: to that domain xenstored is gone, while its nodes stay as they are.
    ///
    /// - Throws: `PlatformError` with ESRCH if there is no such domain.
    public mutating func stopStore(of id: DomainID) throws(PlatformError) {
        guard machine.domains[id] != nil else { throw PlatformError("stop", errno: ESRCH) }
        storeServer.remove(id)
    }

    /// Serves the store to a domain again, or still.
    ///
    /// - Throws: `PlatformError` with ESRCH if there is no such domain.
    public mutating func startStore(of id: DomainID) throws(PlatformError) {
        guard machine.domains[id] != nil else { throw PlatformError("start", errno: ESRCH) }
        guard !storeServer.isListening(for: id) else { return }
        try listenForStore(of: id, at: MachineSockets(of: id, in: directory.path).store)
    }

    /// Makes a domain's socket of the store, for our user alone.
    mutating func listenForStore(of id: DomainID, at path: String) throws(PlatformError) {
        try storeServer.addListener(path: path, domain: id)
        guard unsafe chmod(path, 0o600) == 0 else { throw PlatformError("chmod", errno: errno) }
    }

    private func setNode(
        _ path: String, _ value: String, _ permissions: [StorePermission]
    ) throws(StoreError) {
        try store.write(path, Array(value.utf8), by: storeConnection)
        try store.setPermissions(path, permissions, by: storeConnection)
    }
}
