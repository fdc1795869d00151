// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// The name of a link, known to be one the kernel takes literally.
struct LinkName {
    /// Bytes of a name, without the closing zero. Corresponds to `IFNAMSIZ - 1`.
    static let sizeMax = 15

    let text: String

    /// Checks a name, so that nothing is cut short and no `%d` is filled in by the kernel.
    init(_ text: String, for operation: String) throws(HostNetworkError) {
        let size = text.utf8.count
        if size > LinkName.sizeMax {
            throw HostNetworkError(
                operation, on: text, errno: ENAMETOOLONG,
                explanation: "a link's name has at most \(LinkName.sizeMax) bytes, "
                    + "this one has \(size)")
        }
        let forbidden = text.utf8.contains { byte in
            byte <= 0x20 || byte == 0x7F || "/:%".utf8.contains(byte)
        }
        if size == 0 || text == "." || text == ".." || forbidden {
            throw HostNetworkError(
                operation, on: text, errno: EINVAL,
                explanation: "not a link's name: it must not be empty and must not contain "
                    + "spaces, '/', ':' or '%'")
        }
        self.text = text
    }
}
