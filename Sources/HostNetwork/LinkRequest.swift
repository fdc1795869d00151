// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Glibc

/// One message of the `RTM_*LINK` family being written.
///
/// SAFETY: `message` is allocated in `init`, freed in `deinit` and never leaves a call. libnl
/// copies every payload into it and checks that it fits; a nest's start stays where it is, since
/// the message never moves.
@safe
struct LinkRequest: ~Copyable {
    let message: OpaquePointer
    private var fits = true

    /// Begins a message about the link with this index, 0 for one not made yet; `flags` of the
    /// link that are in `changed` are to be set or cleared.
    init(
        _ type: Int, _ requestFlags: Int32 = 0, index: Int32 = 0, flags: UInt32 = 0,
        changed: UInt32 = 0
    ) {
        guard let allocated = unsafe nlmsg_alloc_simple(Int32(type), requestFlags) else {
            fatalError("no memory for a netlink message")
        }
        unsafe message = allocated
        var header = ifinfomsg()
        header.ifi_family = UInt8(AF_UNSPEC)
        header.ifi_index = index
        header.ifi_flags = flags
        header.ifi_change = changed
        append(&header)
    }

    deinit { unsafe nlmsg_free(message) }

    /// The message, when all that was put into it fitted.
    func checked(for operation: String, on subject: String) throws(HostNetworkError) {
        guard fits else {
            throw HostNetworkError(operation, on: subject, errno: EMSGSIZE)
        }
    }

    mutating func put(_ attribute: Int, _ text: String) {
        note(unsafe nla_put_string(message, Int32(attribute), text))
    }

    mutating func put(_ attribute: Int, _ value: UInt32) {
        note(unsafe nla_put_u32(message, Int32(attribute), value))
    }

    mutating func put(_ attribute: Int, _ value: UInt8) {
        note(unsafe nla_put_u8(message, Int32(attribute), value))
    }

    mutating func put(_ attribute: Int, _ bytes: [UInt8]) {
        note(unsafe nla_put(message, Int32(attribute), Int32(bytes.count), bytes))
    }

    /// Writes attributes inside of another.
    mutating func nest(_ attribute: Int, _ body: (inout LinkRequest) -> Void) {
        guard let start = unsafe nla_nest_start(message, Int32(attribute)) else {
            fits = false
            return
        }
        body(&self)
        note(unsafe nla_nest_end(message, start))
    }

    /// Writes the fixed header of a link described inside of this message, as a veth's peer is.
    mutating func putLinkHeader() {
        var header = ifinfomsg()
        append(&header)
    }

    private mutating func append(_ header: inout ifinfomsg) {
        note(
            unsafe nlmsg_append(
                message, &header, MemoryLayout<ifinfomsg>.size, Int32(NLMSG_ALIGNTO)))
    }

    private mutating func note(_ result: Int32) {
        if result < 0 { fits = false }
    }
}
