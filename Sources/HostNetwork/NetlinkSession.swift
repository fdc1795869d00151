// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
internal import Glibc
internal import Platform

/// A conversation with the kernel about links, in the network namespace that the opening thread
/// was in; it stays there whatever namespace its user enters later.
///
/// One thread at a time. Not for the packet path: every verb waits for the kernel's answer.
///
/// SAFETY: `socket` is allocated in `init` and freed in `deinit`; libnl objects obtained through
/// it are released in the function that asked for them.
@safe
public struct NetlinkSession: ~Copyable {
    private let socket: OpaquePointer

    /// Opens a `NETLINK_ROUTE` socket, close-on-exec. Corresponds to `nl_connect`.
    public init() throws(HostNetworkError) {
        guard let allocated = unsafe nl_socket_alloc() else {
            throw HostNetworkError("nl_socket_alloc", on: "NETLINK_ROUTE", errno: ENOMEM)
        }
        let result = unsafe nl_connect(allocated, NETLINK_ROUTE)
        guard result >= 0 else {
            unsafe nl_socket_free(allocated)
            throw HostNetworkError("nl_connect", on: "NETLINK_ROUTE", netlink: result)
        }
        unsafe socket = allocated
    }

    deinit { unsafe nl_socket_free(socket) }

    /// Looks a link up by name; nil when there is none. `ip -d link show NAME`.
    public func link(named name: String) throws(HostNetworkError) -> Link? {
        let name = try LinkName(name, for: "ip link show")
        guard let found = try unsafe fetch(name.text) else { return nil }
        defer { unsafe rtnl_link_put(found) }
        return unsafe describe(found)
    }

    /// Looks a link up by name; throws ENODEV, naming it, when there is none.
    public func existingLink(
        named name: String, for operation: String = "ip link show"
    ) throws(HostNetworkError) -> Link {
        guard let link = try link(named: name) else {
            throw HostNetworkError(operation, on: name, errno: ENODEV)
        }
        return link
    }

    /// Reads a link's counters. `ip -s link show NAME`.
    public func statistics(of name: String) throws(HostNetworkError) -> LinkStatistics {
        let operation = "ip -s link show"
        let name = try LinkName(name, for: operation)
        guard let found = try unsafe fetch(name.text) else {
            throw HostNetworkError(operation, on: name.text, errno: ENODEV)
        }
        defer { unsafe rtnl_link_put(found) }
        return unsafe LinkStatistics(
            receivedPackets: rtnl_link_get_stat(found, RTNL_LINK_RX_PACKETS),
            receivedBytes: rtnl_link_get_stat(found, RTNL_LINK_RX_BYTES),
            receivedDropped: rtnl_link_get_stat(found, RTNL_LINK_RX_DROPPED),
            receivedErrors: rtnl_link_get_stat(found, RTNL_LINK_RX_ERRORS),
            transmittedPackets: rtnl_link_get_stat(found, RTNL_LINK_TX_PACKETS),
            transmittedBytes: rtnl_link_get_stat(found, RTNL_LINK_TX_BYTES),
            transmittedDropped: rtnl_link_get_stat(found, RTNL_LINK_TX_DROPPED),
            transmittedErrors: rtnl_link_get_stat(found, RTNL_LINK_TX_ERRORS))
    }

    /// Adds an address, `10.0.0.1/24` or `fd00::1/64`, to a link.
    /// `ip addr add ADDRESS dev NAME`.
    public func addAddress(_ address: String, to name: String) throws(HostNetworkError) {
        let operation = "ip addr add \(address) dev"
        let index = try existingLink(named: name, for: operation).index
        var parsed: OpaquePointer?
        let malformed = HostNetworkError(
            operation, on: name, errno: EINVAL,
            explanation: "not an address: write it as 10.0.0.1/24 or fd00::1/64")
        guard unsafe nl_addr_parse(address, AF_UNSPEC, &parsed) == 0, let local = unsafe parsed
        else { throw malformed }
        defer { unsafe nl_addr_put(local) }
        guard unsafe nl_addr_get_prefixlen(local) <= 8 * nl_addr_get_len(local) else {
            throw malformed
        }
        guard let request = unsafe rtnl_addr_alloc() else {
            throw HostNetworkError(operation, on: name, errno: ENOMEM)
        }
        defer { unsafe rtnl_addr_put(request) }
        unsafe rtnl_addr_set_ifindex(request, index)
        var result = unsafe rtnl_addr_set_local(request, local)
        if result >= 0, unsafe nl_addr_get_family(local) == AF_INET6 {
            // A guest or a bridge of ours is alone with its address; waiting for duplicates would
            // make it unusable for seconds.
            unsafe rtnl_addr_set_flags(request, UInt32(IFA_F_NODAD))
        }
        if result >= 0 { result = unsafe rtnl_addr_add(socket, request, 0) }
        guard result >= 0 else { throw HostNetworkError(operation, on: name, netlink: result) }
    }

    /// Sends a request and waits for the kernel's verdict.
    func execute(
        _ request: borrowing LinkRequest, _ operation: String, on subject: String
    ) throws(HostNetworkError) {
        try request.checked(for: operation, on: subject)
        var result = unsafe nl_send_auto(socket, request.message)
        if result >= 0 { result = unsafe nl_wait_for_ack(socket) }
        guard result >= 0 else { throw HostNetworkError(operation, on: subject, netlink: result) }
    }

    @unsafe
    private func fetch(_ name: String) throws(HostNetworkError) -> OpaquePointer? {
        var found: OpaquePointer?
        let result = unsafe rtnl_link_get_kernel(socket, 0, name, &found)
        if result == -NLE_NODEV || result == -NLE_OBJ_NOTFOUND { return nil }
        guard result >= 0 else {
            throw HostNetworkError("ip link show", on: name, netlink: result)
        }
        return unsafe found
    }

    @unsafe
    private func describe(_ link: OpaquePointer) -> Link {
        let master = unsafe rtnl_link_get_master(link)
        return unsafe Link(
            name: rtnl_link_get_name(link).map { unsafe String(cString: $0) } ?? "",
            index: rtnl_link_get_ifindex(link),
            kind: rtnl_link_get_type(link).map { unsafe String(cString: $0) },
            mtu: rtnl_link_get_mtu(link),
            transmitQueueLength: rtnl_link_get_txqlen(link),
            mac: macAddress(of: link),
            master: master > 0 ? master : nil,
            isUp: rtnl_link_get_flags(link) & UInt32(IFF_UP) != 0)
    }

    @unsafe
    private func macAddress(of link: OpaquePointer) -> MACAddress? {
        guard let address = unsafe rtnl_link_get_addr(link),
            unsafe nl_addr_get_len(address) == 6,
            let bytes = unsafe nl_addr_get_binary_addr(address)
        else { return nil }
        var value: UInt64 = 0
        for position in 0..<6 {
            value = value << 8 | UInt64(unsafe bytes.load(fromByteOffset: position, as: UInt8.self))
        }
        return MACAddress(rawValue: value)
    }
}
