// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Why the store refused a request. The raw value is the name on the wire.
///
/// Corresponds to `xsd_errors` (xen/io/xs_wire.h).
public enum StoreError: String, Error, Sendable, CaseIterable {
    /// A malformed path, permission or number.
    case invalid = "EINVAL"
    /// The node's permissions forbid it.
    case accessDenied = "EACCES"
    /// Only the control domain may give a node to another owner.
    case notPermitted = "EPERM"
    /// There is no such node, watch, transaction, domain or connection.
    case notFound = "ENOENT"
    /// The connection has that watch already.
    case exists = "EEXIST"
    /// The domain has used up its nodes, transactions, bytes of a value or permission entries.
    case noSpace = "ENOSPC"
    /// Too many watches, or a reply longer than a message.
    case tooBig = "E2BIG"
    /// A node that the transaction depends on has changed: start again.
    case again = "EAGAIN"
    /// A transaction was started within another.
    case busy = "EBUSY"
    /// No such request.
    case unknownRequest = "ENOSYS"
    /// The connection lost watch events and is of no more use.
    case lostEvents = "EIO"

    /// The number that libxenstore turns the name into.
    public var errno: Int32 {
        switch self {
        case .invalid: EINVAL
        case .accessDenied: EACCES
        case .notPermitted: EPERM
        case .notFound: ENOENT
        case .exists: EEXIST
        case .noSpace: ENOSPC
        case .tooBig: E2BIG
        case .again: EAGAIN
        case .busy: EBUSY
        case .unknownRequest: ENOSYS
        case .lostEvents: EIO
        }
    }
}
