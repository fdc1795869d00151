// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The names by which xenstored tells an error. Corresponds to `xsd_errors` (xen/io/xs_wire.h).
enum StoreErrno {
    private static let numbers: [String: Int32] = [
        "EINVAL": EINVAL, "EACCES": EACCES, "EEXIST": EEXIST, "EISDIR": EISDIR,
        "ENOENT": ENOENT, "ENOMEM": ENOMEM, "ENOSPC": ENOSPC, "EIO": EIO,
        "ENOTEMPTY": ENOTEMPTY, "ENOSYS": ENOSYS, "EROFS": EROFS, "EBUSY": EBUSY,
        "EAGAIN": EAGAIN, "EISCONN": EISCONN, "E2BIG": E2BIG, "EPERM": EPERM,
    ]

    /// The number of a name; EPROTO for one that the protocol does not know.
    static func number(named name: String) -> Int32 { numbers[name] ?? EPROTO }
}
