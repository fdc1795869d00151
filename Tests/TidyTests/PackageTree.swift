// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestSupport
import Testing

/// The package's own files, as they lie around this one.
enum PackageTree {
    /// Where Package.swift is.
    static let root = String(
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
            .joined(separator: "/"))

    /// Every file below the folders given, whose name ends in one of `endings`.
    static func files(in folders: [String], endings: [String]) throws -> [SourceFile] {
        let found = try ChildProcess.run(
            ["find"] + folders.filter(exists).map { "\(root)/\($0)" }
                + ["-name", ".build*", "-prune", "-o", "-type", "f", "-print"])
        return try found.output.split(separator: "\n").map(String.init).sorted()
            .filter { path in endings.contains { path.hasSuffix($0) } }
            .map { try file(String($0.dropFirst(root.count + 1))) }
    }

    /// One file.
    static func file(_ path: String) throws -> SourceFile {
        let descriptor = unsafe open("\(root)/\(path)", O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0, "\(path) cannot be opened")
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var count = 1
        while count > 0 {
            // SAFETY: the kernel writes at most the capacity it is told.
            bytes += unsafe [UInt8](unsafeUninitializedCapacity: 65536) { buffer, initialized in
                count = unsafe max(0, read(descriptor, buffer.baseAddress, buffer.count))
                initialized = count
            }
        }
        return SourceFile(path: path, text: String(decoding: bytes, as: UTF8.self))
    }

    /// Whether there is a file or a folder.
    static func exists(_ path: String) -> Bool { unsafe access("\(root)/\(path)", F_OK) == 0 }
}
