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
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else {
            throw Complaint("no socket: errno \(errno)", remedy: "raise `ulimit -n`")
        }
        let result = unsafe AbstractName(prefix: "netbackd:", choice).withAddress {
            unsafe bind(descriptor, $0, $1)
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

    /// Gives the descriptor away: the claim lasts for as long as it is open anywhere.
    consuming func release() -> Int32 {
        let kept = descriptor
        discard self
        return kept
    }
}
