// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import NetBack

/// A process of a backend on this machine, which has the backend's memory among its descriptors.
struct BackendProcess {
    let pid: Int32
    let image: StateImage

    private static var memoryName: String { "/memfd:netbackd state (deleted)" }

    /// Finds the backend of a domain by the memory of its processes: one that is stopped, hung or
    /// without its parent is found too. In our network namespace, as the claim to a domain is:
    /// names of emulated machines mean the same there alone.
    ///
    /// - Returns: nil when there is none.
    /// - Throws: `Complaint` when there is one that cannot be looked into.
    static func find(for choice: HypervisorChoice) throws -> BackendProcess? {
        var refusal: Complaint?
        let ours = target(of: "/proc/self/ns/net")
        for pid in numbers(in: "/proc") where target(of: "/proc/\(pid)/ns/net") == ours {
            let folder = "/proc/\(pid)/fd"
            for number in numbers(in: folder)
            where target(of: "\(folder)/\(number)") == memoryName {
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
                    guard image.view.journal.domain == choice.identity else { break }
                    return BackendProcess(pid: pid, image: image)
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
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var found: [Int32] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe String(
                    cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if let number = Int32(name) { found.append(number) }
        }
        return found.sorted()
    }

    private static func target(of link: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 256)
        let count = unsafe readlink(link, &bytes, 255)
        guard count > 0 else { return nil }
        return String(
            decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
