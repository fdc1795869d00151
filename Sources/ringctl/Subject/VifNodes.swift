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
    var online: String?
    var hotplugStatus: String?
    /// The guest's name, where we may read it.
    var name: String?
    /// Where the backend's nodes are.
    let path: String
    /// The domain that serves it, nil for the store's own.
    let backend: DomainID?

    /// The kinds of backends: Linux's and ours, and QEMU's.
    private static var kinds: [String] { ["vif", "qnic"] }

    /// Every vif that the store's own domain serves, or any domain if we may see them all as dom0
    /// may, in order.
    static func all(
        in store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> [VifNodes] {
        var found = try all(in: &store, below: "backend", backend: nil)
        guard try store.read("domid") == "0" else { return found }
        for domain in try store.directory("/local/domain") ?? [] where domain != "0" {
            guard let number = UInt32(plain: domain).flatMap(UInt16.init(exactly:)) else {
                continue
            }
            found += try all(
                in: &store, below: "/local/domain/\(domain)/backend", backend: DomainID(number))
        }
        return found
    }

    private static func all(
        in store: inout some XenStore & ~Copyable, below root: String, backend: DomainID?
    ) throws(PlatformError) -> [VifNodes] {
        var found: [VifNodes] = []
        for kind in kinds {
            var vifs: [VifID] = []
            for domain in try store.directory("\(root)/\(kind)") ?? [] {
                for device in try store.directory("\(root)/\(kind)/\(domain)") ?? [] {
                    if let vif = VifID(domain: domain, device: device) { vifs.append(vif) }
                }
            }
            for vif in vifs.sorted() {
                let path = "\(root)/\(kind)/\(vif.domain)/\(vif.device)"
                // A vif may go between one request and the next.
                if let nodes = try VifNodes(of: vif, at: path, backend: backend, in: &store) {
                    found.append(nodes)
                }
            }
        }
        return found
    }

    /// Reads one vif's nodes; nil if there is no such vif.
    private init?(
        of vif: VifID, at path: String, backend: DomainID?,
        in store: inout some XenStore & ~Copyable
    ) throws(PlatformError) {
        self.vif = vif
        self.path = path
        self.backend = backend
        guard try store.directory(path) != nil else { return nil }
        frontend = try store.read("\(path)/\(NetifKey.frontend)")
        backendState = try store.read("\(path)/\(NetifKey.state)")
        bridge = try store.read("\(path)/\(NetifKey.bridge)")
        mac = try store.read("\(path)/\(NetifKey.mac)")
        online = try store.read("\(path)/\(NetifKey.online)")
        hotplugStatus = try store.read("\(path)/\(NetifKey.hotplugStatus)")
        let home = backend.map { "/local/domain/\($0)/" } ?? ""
        let below = backend == nil ? path : String(path.dropFirst(home.count))
        error = try store.read("\(home)error/\(below)/error")
        do throws(PlatformError) {
            name = try store.read("/local/domain/\(vif.domain)/name")
        } catch {
            // Another domain's name is not for everyone to read.
            name = nil
        }
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
