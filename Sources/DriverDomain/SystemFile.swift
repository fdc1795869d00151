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

    /// The names in a folder, sorted, those that begin with a dot only if asked for; none if it is
    /// not there.
    ///
    /// - Throws: `Complaint` naming the folder.
    public static func names(in folder: String, hidden: Bool = false) throws -> [String] {
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
            let isOwn = name == "." || name == ".."
            if hidden ? !isOwn : !name.hasPrefix(".") { names.append(name) }
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

    /// A file's bytes, all of them.
    ///
    /// - Throws: `Complaint` naming the file, when it cannot be read or has more than `countMax`.
    public static func bytes(of path: String, countMax: Int) throws -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= countMax {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            guard count > 0 else { throw unreadable(path) }
            bytes += buffer.prefix(count)
        }
        throw Complaint("\(path) has more than \(countMax) bytes", remedy: nil)
    }

    private static func unreadable(_ path: String) -> Complaint {
        Complaint(
            "\(path) cannot be read: \(unsafe String(cString: strerror(errno)))",
            remedy: "check the path and its permissions")
    }
}
