// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The name of a socket that belongs to a domain: without a file, in this network namespace, and
/// gone with its last descriptor.
struct AbstractName {
    private let bytes: [UInt8]

    /// A name of its own for each domain that a hypervisor choice names.
    init(prefix: String, _ choice: HypervisorChoice) {
        let domain =
            switch choice {
            case .xen: "xen"
            case .emulated(let socket): socket
            }
        // The end of a path that is too long tells domains apart, its beginning does not.
        bytes = [0] + Array(prefix.utf8) + Array(domain.utf8.suffix(90))
    }

    /// Calls `body` with the address for the time of the call.
    func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: fewer than the 108 bytes of sun_path, both local to this call.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let size = MemoryLayout<sa_family_t>.size + bytes.count
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(size))
            }
        }
    }
}
