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
        guard unsafe access(path, F_OK) == 0 || errno != ENOENT else { return nil }
        return try SystemFile.bytes(of: path, countMax: Self.byteCountMax)
    }

    /// The lines `key=value` of a text.
    static func facts(_ text: String) -> [(key: String, value: String)] {
        text.split(separator: "\n").compactMap { line in
            guard let mark = line.firstIndex(of: "=") else { return nil }
            return (String(line[..<mark]), String(line[mark...].dropFirst()))
        }
    }
}
