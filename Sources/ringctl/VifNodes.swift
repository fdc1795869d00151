// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netif
import Platform

/// What xenstore says of one vif. Values are as they stand there; nil where a node is missing.
///
/// The frontend's nodes were written by the guest, and may be anything.
struct VifNodes {
    let vif: VifID
    var frontend: String?
    var backendState: String?
    var frontendState: String?
    var bridge: String?
    var mac: String?
    var queueCount: String?
    var error: String?

    /// The tree of the vifs that a domain serves, relative to the domain itself.
    static var root: String { "backend/vif" }

    /// Every vif that the store's own domain serves, in order.
    static func all(
        in store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> [VifNodes] {
        var vifs: [VifID] = []
        for domain in try store.directory(root) ?? [] {
            for device in try store.directory("\(root)/\(domain)") ?? [] {
                if let vif = VifID(domain: domain, device: device) { vifs.append(vif) }
            }
        }
        var found: [VifNodes] = []
        for vif in vifs.sorted() {
            // A vif may go between one request and the next.
            if let nodes = try VifNodes(of: vif, in: &store) { found.append(nodes) }
        }
        return found
    }

    /// Reads one vif's nodes; nil if the store's own domain serves no such vif.
    init?(of vif: VifID, in store: inout some XenStore & ~Copyable) throws(PlatformError) {
        self.vif = vif
        let path = "\(VifNodes.root)/\(vif.domain)/\(vif.device)"
        guard try store.directory(path) != nil else { return nil }
        frontend = try store.read("\(path)/\(NetifKey.frontend)")
        backendState = try store.read("\(path)/\(NetifKey.state)")
        bridge = try store.read("\(path)/\(NetifKey.bridge)")
        mac = try store.read("\(path)/\(NetifKey.mac)")
        error = try store.read("error/\(path)/error")
        frontendState = try readFrontend(NetifKey.state, in: &store)
        queueCount = try readFrontend(NetifKey.multiQueueNumQueues, in: &store)
    }

    /// Reads a node of the frontend; one that the guest hides from us counts as missing.
    func readFrontend(
        _ key: String, in store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> String? {
        guard let frontend else { return nil }
        do throws(PlatformError) {
            return try store.read("\(frontend)/\(key)")
        } catch {
            guard error.errno == EACCES else { throw error }
            return nil
        }
    }

    /// A `state` node's text in words, with whatever it is if it is no state.
    static func stateName(_ text: String?) -> String? {
        guard let text else { return nil }
        let state = XenbusState(text: text)
        guard state != .unknown else { return text }
        return "\(state)".prefix(1).uppercased() + "\(state)".dropFirst()
    }
}
