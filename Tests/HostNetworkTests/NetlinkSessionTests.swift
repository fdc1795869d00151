// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork
import Platform
import Testing

@Suite(.serialized, .timeLimit(.minutes(10)))
struct NetlinkSessionTests {
    @Test("a link that is not there is nil to ask for and an error to change")
    func missing() throws {
        try inFreshNamespace {
            let session = try NetlinkSession()
            let none = try session.link(named: "absent")
            #expect(none == nil)
            let error = #expect(throws: HostNetworkError.self) { try session.bringUp("absent") }
            #expect(error?.errno == ENODEV)
            #expect(
                error?.description
                    == "ip link set up absent: there is no such link in this network namespace "
                    + "(errno 19)")
        }
    }

    @Test("each verb does what its `ip link` command does")
    func verbs() throws {
        try inFreshNamespace {
            let session = try NetlinkSession()
            try session.createVethPair("veth0", "veth1")
            #expect(try linkNames().sorted() == ["lo", "veth0", "veth1"])
            try session.setMTU(1300, of: "veth0")
            try session.setTransmitQueueLength(123, of: "veth0")
            let mac = MACAddress(rawValue: 0x0200_0000_0042)
            try session.setMAC(mac, of: "veth0")
            try session.disableAddressGeneration(of: "veth0")
            try session.bringUp("veth0")
            let view = try kernelView(of: "veth0")
            for expected in [
                #""mtu":1300,"#, #""txqlen":123,"#, #""address":"02:00:00:00:00:42""#, #""UP""#,
                #""inet6_addr_gen_mode":"none""#, #""info_kind":"veth""#, #""link":"veth1""#,
            ] {
                #expect(view.contains(expected), "\(expected) in \(view)")
            }
            let link = try session.existingLink(named: "veth0")
            #expect(link.kind == "veth")
            #expect(link.mtu == 1300)
            #expect(link.transmitQueueLength == 123)
            #expect(link.mac == mac)
            #expect(link.isUp && !link.isBridge && link.master == nil)
            try session.bringDown("veth0")
            #expect(try !kernelView(of: "veth0").contains(#""UP""#))
            try session.delete("veth0")
            #expect(try linkNames() == ["lo"])
        }
    }

    @Test(
        "an address is added as written",
        arguments: ["10.1.2.3/24", "fd00::1/64", "192.0.2.1"])
    func address(text: String) throws {
        try inFreshNamespace {
            let session = try NetlinkSession()
            try session.createVethPair("veth0", "veth1")
            try session.addAddress(text, to: "veth0")
            let whole = text.contains("/") ? text : text + "/32"
            let parts = whole.split(separator: "/")
            let view = try run("ip -j addr show dev veth0")
            #expect(view.contains("\"local\":\"\(parts[0])\",\"prefixlen\":\(parts[1])"))
            let error = #expect(throws: HostNetworkError.self) {
                try session.addAddress(text, to: "veth0")
            }
            #expect(error?.errno == EEXIST)
        }
    }

    @Test("what is no address is refused", arguments: ["", "300.1.1.1/24", "10.0.0.1/99", "host"])
    func badAddress(text: String) throws {
        try inFreshNamespace {
            let session = try NetlinkSession()
            let error = #expect(throws: HostNetworkError.self) {
                try session.addAddress(text, to: "lo")
            }
            #expect(error?.description.contains("write it as 10.0.0.1/24") == true)
        }
    }

    @Test("a link moves to another namespace by descriptor")
    func move() throws {
        try inFreshNamespace {
            let session = try NetlinkSession()
            let elsewhere = try NetworkNamespace.fresh()
            try session.createVethPair("veth0", "veth1")
            try session.move("veth1", toNamespace: elsewhere.descriptor)
            let here = try linkNames().sorted()
            #expect(here == ["lo", "veth0"])
            let there = try elsewhere.within { Result { try linkNames() } }.get()
            #expect(there == ["lo", "veth1"])
        }
    }

    @Test("a session stays in its namespace when its user goes elsewhere")
    func staysAtHome() throws {
        try inFreshNamespace {
            let session = try NetlinkSession()
            try NetworkNamespace.fresh().within { () throws(HostNetworkError) in
                try session.createBridge("br0")
            }
            #expect(try linkNames() == ["lo", "br0"])
        }
    }

    @Test("what the kernel answers keeps its meaning")
    func kernelErrors() throws {
        try inFreshNamespace {
            let session = try NetlinkSession()
            try session.createBridge("br0")
            let taken = #expect(throws: HostNetworkError.self) { try session.createBridge("br0") }
            #expect(taken?.errno == EEXIST)
            #expect(taken?.subject == "br0")
            let unsupported = #expect(throws: HostNetworkError.self) { try session.delete("lo") }
            #expect(unsupported?.errno == EOPNOTSUPP)
            let closed = #expect(throws: HostNetworkError.self) {
                try session.move("br0", toNamespace: -1)
            }
            #expect(closed?.subject == "br0")
        }
    }

    @Test("without privilege the remedy is said, and nothing happens")
    func unprivileged() throws {
        let texts = try onThreadOfItsOwn {
            try NetworkNamespace.enterFresh()
            let session = try NetlinkSession()
            try run("ip link add br0 type bridge")
            try dropPrivilege()
            var texts: [String] = []
            func collect(_ body: () throws(HostNetworkError) -> Void) {
                do throws(HostNetworkError) { try body() } catch { texts.append("\(error)") }
            }
            collect { () throws(HostNetworkError) in try session.createBridge("br1") }
            collect { () throws(HostNetworkError) in try session.bringUp("br0") }
            collect { () throws(HostNetworkError) in
                _ = try TapDevice(named: "tap0", offload: .all)
            }
            collect { () throws(HostNetworkError) in _ = try NetworkNamespace.fresh() }
            return texts + [try linkNames().joined(separator: " ")]
        }
        try #require(texts.count == 5, "\(texts)")
        #expect(texts[0].contains("br1: needs CAP_NET_ADMIN: run as root or inside `unshare -Urn`"))
        #expect(texts[1].contains("br0: needs CAP_NET_ADMIN"))
        #expect(texts[2].contains("tap0: needs CAP_NET_ADMIN"))
        #expect(texts[3].contains("needs CAP_SYS_ADMIN: run as root or inside `unshare -Urnm`"))
        #expect(texts[4] == "lo br0")
    }

    /// Empties this thread's sets of capabilities, and only this thread's.
    private func dropPrivilege() throws {
        struct Refused: Error { var errno: Int32 }
        typealias Capset =
            @convention(c) (
                UnsafeMutablePointer<UInt32>, UnsafePointer<UInt32>
            ) -> Int32
        // SAFETY: glibc exports capset(2) without declaring it; version 3 takes a header of two
        // words and two sets of three.
        guard let symbol = unsafe dlsym(nil, "capset") else { throw Refused(errno: ENOSYS) }
        let capset = unsafe unsafeBitCast(symbol, to: Capset.self)
        var header: [UInt32] = [0x2008_0522, 0]
        let sets = [UInt32](repeating: 0, count: 6)
        guard unsafe capset(&header, sets) == 0 else { throw Refused(errno: errno) }
    }
}
