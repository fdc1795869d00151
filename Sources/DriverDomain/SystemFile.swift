// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Small files and folders of the system: settings, /proc, /sys.
public enum SystemFile {
    /// What a file holds, its first 64 KiB.
    ///
    /// - Throws: `Complaint` naming the file.
    public static func text(of path: String) throws -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw unreadable(path) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// The lines of a file, empty ones too.
    ///
    /// - Throws: `Complaint` naming the file.
    public static func lines(of path: String) throws -> [Substring] {
        try text(of: path).split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The names in a folder, sorted, without those that begin with a dot; none if it is not there.
    ///
    /// - Throws: `Complaint` naming the folder.
    public static func names(in folder: String) throws -> [String] {
        guard let handle = unsafe opendir(folder) else {
            if errno == ENOENT { return [] }
            throw unreadable(folder)
        }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// The last part of what a symbolic link points to; nil if there is no such link.
    public static func linkTarget(of path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        // SAFETY: the pointer is good for the length of the call, and so long is the buffer.
        let count = unsafe readlink(path, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
            .split(separator: "/").last.map(String.init)
    }

    private static func unreadable(_ path: String) -> Complaint {
        Complaint(
            "\(path) cannot be read: \(unsafe String(cString: strerror(errno)))",
            remedy: "check the path and its permissions")
    }
}
