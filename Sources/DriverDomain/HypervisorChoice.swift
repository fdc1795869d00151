// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Which hypervisor serves us; chosen at run time, since one binary serves both worlds.
public enum HypervisorChoice: Sendable, Equatable, CustomStringConvertible {
    /// Real Xen, through /dev/xen.
    case xen
    /// An emulated machine: the socket of our own domain there.
    case emulated(socket: String)

    /// `xen` or `emulated:DIR`, DIR being a domain's folder or the socket in it.
    ///
    /// - Throws: `Complaint` for anything else.
    public init(parsing text: String) throws {
        let prefix = "emulated:"
        if text == "xen" {
            self = .xen
        } else if text.hasPrefix(prefix), text.utf8.count > prefix.utf8.count {
            let path = String(text.dropFirst(prefix.count))
            self = .emulated(socket: path.hasSuffix(".sock") ? path : path + "/hypervisor.sock")
        } else {
            throw Complaint("--hypervisor \(text) is unknown", remedy: "give xen or emulated:DIR")
        }
    }

    /// The store's socket, beside the hypervisor's; nil for the system's own.
    public var storeSocket: String? {
        guard case .emulated(let socket) = self else { return nil }
        guard let slash = socket.lastIndex(of: "/") else { return "xenstored.sock" }
        return socket[...slash] + "xenstored.sock"
    }

    /// What tells domains of one machine apart, in 120 bytes at most: the end of a path that is too
    /// long does, its beginning does not.
    public var identity: String {
        guard case .emulated(let socket) = self else { return "xen" }
        var path = socket
        if let resolved = unsafe realpath(socket, nil) {
            path = unsafe String(cString: resolved)
            unsafe free(resolved)
        }
        return "emulated:" + String(decoding: path.utf8.suffix(110), as: UTF8.self)
    }

    /// As it is given on the command line.
    public var description: String {
        switch self {
        case .xen: "xen"
        case .emulated(let socket): "emulated:\(socket)"
        }
    }
}
