// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform

/// A new directory for sockets, removed when dropped; it must be empty by then.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/store-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        // SAFETY: mkdtemp changes the six letters of the array it is given.
        guard unsafe mkdtemp(&template) != nil else { throw PlatformError("mkdtemp", errno: errno) }
        path = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { unsafe rmdir(path) }
}
