// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import Platform
import StoreClient

/// Which hypervisor is looked at; netbackd has a type of its own like it.
enum HypervisorChoice: ExpressibleByArgument, Equatable {
    /// Real Xen, through /dev/xen.
    case xen
    /// An emulated machine: a domain's folder there.
    case emulated(folder: String)

    /// Reads `xen` or `emulated:DIR`, DIR being a domain's folder or the socket in it.
    init?(argument: String) {
        let prefix = "emulated:"
        let socket = "/hypervisor.sock"
        if argument == "xen" {
            self = .xen
        } else if argument.hasPrefix(prefix), argument.utf8.count > prefix.utf8.count {
            let path = argument.dropFirst(prefix.count)
            self = .emulated(
                folder: String(path.hasSuffix(socket) ? path.dropLast(socket.count) : path))
        } else {
            return nil
        }
    }

    /// Connects to xenstore as the chosen domain.
    func openStore() throws -> LibXenStore {
        do throws(PlatformError) {
            switch self {
            case .xen: return try LibXenStore(socketPath: nil)
            case .emulated(let folder):
                return try LibXenStore(socketPath: folder + "/xenstored.sock")
            }
        } catch {
            throw complaint(of: error, at: "xenstore cannot be reached")
        }
    }

    /// What failed, and what to do about it.
    func complaint(of error: PlatformError, at what: String) -> Complaint {
        let remedy: String? =
            switch (self, error.errno) {
            case (.xen, ENOENT), (.xen, ENODEV):
                "this is not a Xen domain, or xenfs and the module xen-gntdev are not loaded; "
                    + "without Xen use --hypervisor emulated:DIR"
            case (.xen, EACCES), (.xen, EPERM): "run as root"
            case (.emulated(let folder), ENOENT), (.emulated(let folder), ECONNREFUSED):
                "no emulated machine serves \(folder): start one with `emuxen machine`, or give "
                    + "the folder of one of its domains"
            case (_, EACCES), (_, EPERM): "the socket belongs to another user"
            default: nil
            }
        return Complaint("\(what): \(error)", remedy: remedy)
    }
}

/// The option that every command has.
struct HypervisorOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "xen, or emulated:DIR with a domain's folder of an emulated machine.",
            discussion: "We act as that domain: only the vifs that it serves can be looked at.",
            valueName: "xen|emulated:DIR"))
    var hypervisor: HypervisorChoice = .xen
}

extension HypervisorChoice {
    /// As it is given on the command line.
    var defaultValueDescription: String {
        switch self {
        case .xen: "xen"
        case .emulated(let folder): "emulated:\(folder)"
        }
    }
}

/// An error for a person: what is wrong, and what to do about it.
struct Complaint: Error, CustomStringConvertible {
    var message: String
    var remedy: String?

    init(_ message: String, remedy: String?) {
        self.message = message
        self.remedy = remedy
    }

    var description: String { remedy.map { "\(message): \($0)" } ?? message }
}
