// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import NetBack

/// The processes of backends on this machine, each of which has its memory among its descriptors.
enum BackendProcess {
    private static var memoryName: String { "memfd:netbackd state (deleted)" }

    /// Finds the memory of a domain's backend by its processes: that of one which is stopped, hung
    /// or without its parent is found too. In our network namespace, as the claim to a domain is:
    /// names of emulated machines mean the same there alone.
    ///
    /// - Returns: nil when there is none.
    /// - Throws: `Complaint` when there is one that cannot be looked into.
    static func memory(for choice: HypervisorChoice) throws -> StateImage? {
        var refusal: Complaint?
        let wanted = choice.identity
        let ours = SystemFile.linkTarget(of: "/proc/self/ns/net")
        for pid in numbers(in: "/proc")
        where SystemFile.linkTarget(of: "/proc/\(pid)/ns/net") == ours {
            let folder = "/proc/\(pid)/fd"
            for number in numbers(in: folder)
            where SystemFile.linkTarget(of: "\(folder)/\(number)") == memoryName {
                let descriptor = unsafe open("\(folder)/\(number)", O_RDONLY | O_CLOEXEC)
                guard descriptor >= 0 else {
                    if errno == EACCES || errno == EPERM {
                        refusal = Complaint(
                            "process \(pid) is a backend and may not be looked into",
                            remedy: "run as root, or as its user")
                    }
                    continue
                }
                defer { close(descriptor) }
                do {
                    let image = try StateImage(mapping: descriptor)
                    guard image.view.journal.domain == wanted else { break }
                    return image
                } catch let complaint as Complaint {
                    refusal = Complaint(
                        "process \(pid): \(complaint.message)", remedy: complaint.remedy)
                }
            }
        }
        if let refusal { throw refusal }
        return nil
    }

    private static func numbers(in folder: String) -> [Int32] {
        ((try? SystemFile.names(in: folder)) ?? []).compactMap { Int32($0) }.sorted()
    }
}
