// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A bridge in use: one we made goes when its owner does, one we found stays as it was.
///
/// Acts in the network namespace in which it was opened, from whatever namespace it is used.
public struct Bridge: ~Copyable {
    /// Its name.
    public let name: String
    /// Its number in its network namespace.
    public let index: Int32
    /// Whether we made it, and so remove it.
    public private(set) var created: Bool
    /// The session its verbs go through, for plumbing in the same namespace.
    public let session: NetlinkSession

    /// Uses the bridge of this name as it is; throws when there is none, or when the name belongs
    /// to something else.
    public init(using name: String) throws(HostNetworkError) {
        let session = try NetlinkSession()
        let found = try session.existingLink(named: name, for: "use bridge")
        guard found.isBridge else { throw NetlinkSession.notABridge(found) }
        self.name = name
        index = found.index
        created = false
        self.session = session
    }

    /// Uses the bridge of this name as it is, or makes it: see `NetlinkSession.createBridge`.
    public init(usingOrCreating name: String) throws(HostNetworkError) {
        let session = try NetlinkSession()
        var isOurs = false
        if try session.link(named: name) == nil {
            do {
                try session.createBridge(name)
                isOurs = true
            } catch  where error.errno == EEXIST {
                // Somebody made it between the two requests; then it is found, not ours.
            }
        }
        let found = try session.existingLink(named: name, for: "use bridge")
        guard found.isBridge else { throw NetlinkSession.notABridge(found) }
        self.name = name
        index = found.index
        created = isOurs
        self.session = session
    }

    deinit {
        // Nobody is left to tell; `remove()` reports.
        if created { try? session.delete(index: index, called: name) }
    }

    /// Makes a link a port of this bridge. `ip link set PORT master BRIDGE`.
    public func enslave(_ port: String) throws(HostNetworkError) {
        try session.enslave(port, to: name)
    }

    /// Deletes the bridge if we made it, and says so if that fails; already gone is fine.
    /// `ip link delete BRIDGE`.
    public consuming func remove() throws(HostNetworkError) {
        guard created else { return }
        created = false
        do {
            try session.delete(index: index, called: name)
        } catch  where error.errno == ENODEV {
            return
        }
    }

    /// Gives the bridge up without deleting it, for a successor that finds it.
    public consuming func leaveInPlace() {
        created = false
    }
}
