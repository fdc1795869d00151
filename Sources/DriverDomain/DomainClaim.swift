// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The right to serve a domain's vifs, which one process at a time has.
///
/// A second backend would take connected vifs over, fail to make their TAPs, and so disconnect
/// every guest for good. The claim is a socket's name in this network namespace, without a file:
/// the kernel takes it back however the process ends.
struct DomainClaim: ~Copyable {
    private let descriptor: Int32

    /// Claims the domain that a hypervisor choice names.
    ///
    /// - Throws: `Complaint` when another process has it.
    init(_ choice: HypervisorChoice) throws {
        let domain =
            switch choice {
            case .xen: "xen"
            case .emulated(let socket): socket
            }
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else {
            throw Complaint("no socket: errno \(errno)", remedy: "raise `ulimit -n`")
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // The end of a path that is too long tells domains apart, its beginning does not.
        let name = [0] + Array("netbackd:".utf8) + Array(domain.utf8.suffix(96))
        // SAFETY: 106 bytes at most go into the 108 of sun_path, both local to this call.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let size = MemoryLayout<sa_family_t>.size + name.count
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(size))
            }
        }
        guard result == 0 else {
            let error = errno
            close(descriptor)
            throw Complaint(
                error == EADDRINUSE
                    ? "another netbackd serves this domain" : "bind failed: errno \(error)",
                remedy: error == EADDRINUSE ? "stop it first" : nil)
        }
    }

    deinit { close(descriptor) }
}
