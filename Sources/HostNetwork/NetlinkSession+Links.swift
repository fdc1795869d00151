// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
internal import Glibc
public import Platform

/// The verbs that change links. Each throws with the link's name and what to do about it.
extension NetlinkSession {
    /// Makes a bridge that is up and forwards through a new port at once.
    /// `ip link add NAME type bridge stp_state 0 forward_delay 0` and `ip link set NAME up`.
    public func createBridge(_ name: String) throws(HostNetworkError) {
        let operation = "ip link add type bridge"
        let name = try LinkName(name, for: operation)
        let up = UInt32(IFF_UP)
        var request = LinkRequest(
            RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, flags: up, changed: up)
        request.put(IFLA_IFNAME, name.text)
        request.nest(IFLA_LINKINFO) { information in
            information.put(IFLA_INFO_KIND, "bridge")
            information.nest(IFLA_INFO_DATA) { data in
                data.put(IFLA_BR_STP_STATE, UInt32(0))
                data.put(IFLA_BR_FORWARD_DELAY, UInt32(0))
            }
        }
        try execute(request, operation, on: name.text)
    }

    /// Makes two links that are each other's other end, both down.
    /// `ip link add NAME type veth peer name PEER`.
    public func createVethPair(_ name: String, _ peer: String) throws(HostNetworkError) {
        let operation = "ip link add type veth"
        let name = try LinkName(name, for: operation)
        let peer = try LinkName(peer, for: operation)
        var request = LinkRequest(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL)
        request.put(IFLA_IFNAME, name.text)
        request.nest(IFLA_LINKINFO) { information in
            information.put(IFLA_INFO_KIND, "veth")
            information.nest(IFLA_INFO_DATA) { data in
                data.nest(VETH_INFO_PEER) { other in
                    other.putLinkHeader()
                    other.put(IFLA_IFNAME, peer.text)
                }
            }
        }
        try execute(request, operation, on: name.text)
    }

    /// Makes a link a port of a bridge. `ip link set PORT master BRIDGE`.
    ///
    /// A bridge whose MTU nobody set takes the smallest of its ports: give the port the bridge's
    /// MTU first.
    public func enslave(_ port: String, to bridge: String) throws(HostNetworkError) {
        let operation = "ip link set master \(bridge)"
        let master = try existingLink(named: bridge, for: "ip link set \(port) master")
        guard master.isBridge else { throw NetlinkSession.notABridge(master) }
        try change(port, operation) { $0.put(IFLA_MASTER, UInt32(bitPattern: master.index)) }
    }

    /// Takes a port out of its bridge. `ip link set PORT nomaster`.
    public func release(_ port: String) throws(HostNetworkError) {
        try change(port, "ip link set nomaster") { $0.put(IFLA_MASTER, UInt32(0)) }
    }

    /// Brings a link up. `ip link set NAME up`.
    public func bringUp(_ name: String) throws(HostNetworkError) {
        try setUp(true, name, "ip link set up")
    }

    /// Takes a link down. `ip link set NAME down`.
    public func bringDown(_ name: String) throws(HostNetworkError) {
        try setUp(false, name, "ip link set down")
    }

    /// Sets the largest payload in bytes. `ip link set NAME mtu MTU`.
    public func setMTU(_ mtu: UInt32, of name: String) throws(HostNetworkError) {
        try change(name, "ip link set mtu \(mtu)") { $0.put(IFLA_MTU, mtu) }
    }

    /// Sets how many frames may wait to leave. `ip link set NAME txqueuelen FRAMES`.
    public func setTransmitQueueLength(
        _ frames: UInt32, of name: String
    ) throws(HostNetworkError) {
        try change(name, "ip link set txqueuelen \(frames)") { $0.put(IFLA_TXQLEN, frames) }
    }

    /// Sets the Ethernet address. `ip link set NAME address MAC`.
    public func setMAC(_ mac: MACAddress, of name: String) throws(HostNetworkError) {
        try change(name, "ip link set address \(mac)") { $0.put(IFLA_ADDRESS, mac.bytes) }
    }

    /// Keeps IPv6 from giving the link an address of its own; a kernel without IPv6 is content.
    /// `ip link set NAME addrgenmode none`.
    public func disableAddressGeneration(of name: String) throws(HostNetworkError) {
        do {
            try change(name, "ip link set addrgenmode none") { request in
                request.nest(IFLA_AF_SPEC) { families in
                    families.nest(Int(AF_INET6)) { inet6 in
                        inet6.put(
                            IFLA_INET6_ADDR_GEN_MODE, UInt8(IN6_ADDR_GEN_MODE_NONE.rawValue))
                    }
                }
            }
        } catch  where error.errno == EAFNOSUPPORT {
            return
        }
    }

    /// Moves a link into the network namespace behind a descriptor; it is down afterwards and has
    /// lost its bridge and addresses. `ip link set NAME netns NAMESPACE`.
    public func move(_ name: String, toNamespace descriptor: Int32) throws(HostNetworkError) {
        try change(name, "ip link set netns") {
            $0.put(IFLA_NET_NS_FD, UInt32(bitPattern: descriptor))
        }
    }

    /// Deletes a link. `ip link delete NAME`.
    public func delete(_ name: String) throws(HostNetworkError) {
        let operation = "ip link delete"
        let link = try existingLink(named: name, for: operation)
        try delete(index: link.index, called: name)
    }

    /// Deletes the very link that had this index, whatever bears its name by now.
    func delete(index: Int32, called name: String) throws(HostNetworkError) {
        try execute(LinkRequest(RTM_DELLINK, index: index), "ip link delete", on: name)
    }

    static func notABridge(_ link: Link) -> HostNetworkError {
        HostNetworkError(
            "use bridge", on: link.name, errno: EOPNOTSUPP,
            explanation: "\(link.name) exists but is not a bridge"
                + (link.kind.map { " (it is a \($0) link)" } ?? "")
                + ": choose another name")
    }

    private func setUp(
        _ isUp: Bool, _ name: String, _ operation: String
    ) throws(HostNetworkError) {
        let index = try existingLink(named: name, for: operation).index
        let up = UInt32(IFF_UP)
        let request = LinkRequest(RTM_NEWLINK, index: index, flags: isUp ? up : 0, changed: up)
        try execute(request, operation, on: name)
    }

    private func change(
        _ name: String, _ operation: String, _ body: (inout LinkRequest) -> Void
    ) throws(HostNetworkError) {
        let index = try existingLink(named: name, for: operation).index
        var request = LinkRequest(RTM_SETLINK, index: index)
        body(&request)
        try execute(request, operation, on: name)
    }
}
