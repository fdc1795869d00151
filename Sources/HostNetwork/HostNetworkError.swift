// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
internal import Glibc

/// A step of host plumbing that failed: what, on what, why, and what to do about it.
public struct HostNetworkError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was attempted, as an operator would type or search for it: `ip link add`.
    public var operation: String
    /// The link, file or namespace it was attempted on.
    public var subject: String
    /// The errno it failed with.
    public var errno: Int32
    /// One plain sentence: the reason and the remedy.
    public var explanation: String

    /// Takes the parts; without an explanation, the errno's usual one is given.
    public init(
        _ operation: String, on subject: String, errno: Int32, explanation: String? = nil
    ) {
        self.operation = operation
        self.subject = subject
        self.errno = errno
        self.explanation = explanation ?? HostNetworkError.usualExplanation(of: errno)
    }

    /// As an operator reads it in a log.
    public var description: String {
        "\(operation) \(subject): \(explanation) (errno \(errno))"
    }

    /// Wraps what libnl answered, a negative `NLE_` code.
    init(_ operation: String, on subject: String, netlink code: Int32) {
        self.init(operation, on: subject, errno: HostNetworkError.errno(fromNetlink: code))
    }

    /// The errno of the calling thread's last failed call.
    init(lastErrnoOf operation: String, on subject: String) {
        self.init(operation, on: subject, errno: Glibc.errno)
    }

    /// The errno that an `NLE_` code stands for; either sign.
    static func errno(fromNetlink code: Int32) -> Int32 {
        switch abs(code) {
        case NLE_INTR: EINTR
        case NLE_BAD_SOCK: EBADF
        case NLE_AGAIN: EAGAIN
        case NLE_NOMEM: ENOMEM
        case NLE_EXIST: EEXIST
        case NLE_INVAL, NLE_MISSING_ATTR, NLE_ATTRSIZE: EINVAL
        case NLE_RANGE: ERANGE
        case NLE_MSGSIZE, NLE_MSG_OVERFLOW, NLE_MSG_TRUNC, NLE_MSG_TOOSHORT: EMSGSIZE
        case NLE_OPNOTSUPP, NLE_SRCRT_NOSUPPORT, NLE_MSGTYPE_NOSUPPORT: EOPNOTSUPP
        case NLE_AF_NOSUPPORT, NLE_AF_MISMATCH: EAFNOSUPPORT
        case NLE_OBJ_NOTFOUND, NLE_NOATTR, NLE_PKTLOC_FILE: ENOENT
        case NLE_NOADDR: EADDRNOTAVAIL
        case NLE_BUSY: EBUSY
        case NLE_PROTO_MISMATCH: EPROTONOSUPPORT
        case NLE_NOACCESS: EACCES
        case NLE_PERM, NLE_IMMUTABLE: EPERM
        case NLE_NODEV: ENODEV
        case NLE_SEQ_MISMATCH, NLE_PARSE_ERR, NLE_DUMP_INTR: EPROTO
        default: EIO
        }
    }

    static func usualExplanation(of errno: Int32) -> String {
        switch errno {
        case EPERM: "needs CAP_NET_ADMIN: run as root or inside `unshare -Urn`"
        case EACCES: "access denied: run as root, or give this user the file"
        case ENODEV: "there is no such link in this network namespace"
        case EEXIST: "it exists already: choose another name or delete it first"
        case EBUSY: "it is in use: choose another name, or end the program that holds it"
        case EINVAL: "the kernel refused a parameter: check name, MTU and type"
        case ERANGE: "a value is outside of what the device allows"
        case EOPNOTSUPP: "this kernel does not know this kind of link: load its module"
        default: systemText(of: errno)
        }
    }

    private static func systemText(of errno: Int32) -> String {
        // SAFETY: strerror returns a string that lives until this thread's next call; it is copied.
        guard let text = unsafe strerror(errno) else { return "unknown error" }
        return unsafe String(cString: text)
    }
}
