// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc

/// A crash report on disk.
struct ReportFolder: StateFiles {
    private let folder: String
    /// A larger file is none of ours.
    private static var byteCountMax: Int { 512 << 20 }

    var isLive: Bool { false }

    /// Takes a folder that is there.
    init(_ folder: String) throws {
        self.folder = folder
        guard unsafe access(folder + "/state", F_OK) == 0 else {
            throw Complaint(
                "\(folder) is no crash report: it has no file `state`",
                remedy: "give one of the folders below the pair's --crash-reports folder")
        }
    }

    func read(_ name: String) throws -> [UInt8]? {
        let path = "\(folder)/\(name)"
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw Complaint("\(path) cannot be read: errno \(errno)", remedy: "run as root")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < Self.byteCountMax {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else {
                guard count == 0 else {
                    throw Complaint("\(path) cannot be read: errno \(errno)", remedy: nil)
                }
                return bytes
            }
            bytes += buffer.prefix(count)
        }
        throw Complaint("\(path) is larger than any report", remedy: nil)
    }

    /// The lines `key=value` of a text.
    static func facts(_ text: String) -> [(key: String, value: String)] {
        text.split(separator: "\n").compactMap { line in
            guard let mark = line.firstIndex(of: "=") else { return nil }
            return (String(line[..<mark]), String(line[mark...].dropFirst()))
        }
    }
}
