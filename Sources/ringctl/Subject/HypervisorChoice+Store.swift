// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import Platform
import StoreClient

extension HypervisorChoice {
    /// Connects to xenstore as the chosen domain.
    func openStore() throws -> LibXenStore {
        do throws(PlatformError) {
            return try LibXenStore(socketPath: storeSocket)
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
            case (.emulated(let socket), ENOENT), (.emulated(let socket), ECONNREFUSED):
                "no emulated machine serves \(socket): start one with `emuxen machine`, or give "
                    + "the folder of one of its domains"
            case (_, EACCES), (_, EPERM): "the socket belongs to another user"
            default: nil
            }
        return Complaint("\(what): \(error)", remedy: remedy)
    }
}
