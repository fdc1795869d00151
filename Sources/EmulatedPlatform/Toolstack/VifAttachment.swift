// SPDX-License-Identifier: Apache-2.0
public import Platform

/// A virtual interface as the toolstack plugs it in: what libxl writes to the store for a line
/// `vif = ['mac=...,bridge=...,backend=...']`.
public struct VifAttachment: Equatable, Sendable {
    /// The guest and the device's number there.
    public var vif: VifID
    /// The domain that serves it.
    public var backend: DomainID
    /// The guest's address.
    public var mac: MACAddress
    /// The bridge in the backend's domain.
    public var bridge: String
    /// The largest packet in bytes, if guest and backend are told one.
    public var mtu: Int?
    /// The hotplug script's name; a userspace backend only passes it by.
    public var script: String

    /// Takes the parts as they are.
    public init(
        vif: VifID, backend: DomainID, mac: MACAddress, bridge: String, mtu: Int? = nil,
        script: String = "vif-bridge"
    ) {
        self.vif = vif
        self.backend = backend
        self.mac = mac
        self.bridge = bridge
        self.mtu = mtu
        self.script = script
    }

    /// One node to write.
    struct Node: Equatable {
        var path: String
        var value: String
        /// Nil for those of the parent.
        var permissions: [StorePermission]?
    }

    /// Where the guest's half stands.
    public var frontendPath: String { VifAttachment.frontendPath(of: vif) }
    /// Where the backend's half stands.
    public var backendPath: String {
        "/local/domain/\(backend)/backend/vif/\(vif.domain)/\(vif.device)"
    }

    static func frontendPath(of vif: VifID) -> String {
        "/local/domain/\(vif.domain)/device/vif/\(vif.device)"
    }

    /// The toolstack's own note of a vif: unlike the frontend's nodes, no guest can change it.
    static func recordPath(of vif: VifID) -> String {
        "/libxl/\(vif.domain)/device/vif/\(vif.device)"
    }

    /// Nodes above the backend's half, outermost first, made when they are missing. They belong
    /// to dom0: the backend may remove what is below, never them.
    var parents: [Node] {
        let permissions = [
            StorePermission(domain: .control, mayRead: false, mayWrite: false),
            StorePermission(domain: backend, mayRead: true, mayWrite: false),
        ]
        let top = "/local/domain/\(backend)/backend"
        return [top, "\(top)/vif", "\(top)/vif/\(vif.domain)"].map {
            Node(path: $0, value: "", permissions: permissions)
        }
    }

    /// Every node of a new vif, in the order in which to write them.
    var nodes: [Node] {
        func half(
            _ path: String, _ owner: DomainID, _ reader: DomainID, _ pairs: [(String, String)]
        )
            -> [Node]
        {
            let permissions = [
                StorePermission(domain: owner, mayRead: false, mayWrite: false),
                StorePermission(domain: reader, mayRead: true, mayWrite: false),
            ]
            return [Node(path: path, value: "", permissions: permissions)]
                + pairs.map {
                    Node(path: "\(path)/\($0.0)", value: $0.1, permissions: permissions)
                }
        }
        var frontend = [
            ("backend", backendPath), ("backend-id", "\(backend)"),
            ("state", "\(XenbusState.initialising.rawValue)"), ("handle", "\(vif.device)"),
            ("mac", mac.description),
        ]
        if let mtu { frontend.append(("mtu", "\(mtu)")) }
        var backendKeys = [
            ("frontend", frontendPath), ("frontend-id", "\(vif.domain)"),
            ("online", "1"), ("state", "\(XenbusState.initialising.rawValue)"),
            ("script", script), ("mac", mac.description), ("bridge", bridge),
            ("handle", "\(vif.device)"), ("type", "vif"), ("hotplug-status", ""),
        ]
        if let mtu { backendKeys.append(("mtu", "\(mtu)")) }
        let record = VifAttachment.recordPath(of: vif)
        return [
            Node(path: record, value: "", permissions: nil),
            Node(path: "\(record)/backend", value: backendPath, permissions: nil),
            Node(path: "\(record)/frontend", value: frontendPath, permissions: nil),
        ]
            + half(frontendPath, vif.domain, backend, frontend)
            + half(backendPath, backend, vif.domain, backendKeys)
    }
}
