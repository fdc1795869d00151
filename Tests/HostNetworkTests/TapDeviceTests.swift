// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork
import Platform
import Testing

@Suite(.serialized, .timeLimit(.minutes(10)))
struct TapDeviceTests {
    @Test("a port is made with everything a backend asks for")
    func parameters() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var configuration = TapConfiguration(name: "vif1.0", bridge: "br0")
            configuration.mtu = 1400
            let device = try TapDevice(creating: configuration, with: bridge.session)
            let view = try kernelView(of: "vif1.0")
            for expected in [
                #""mtu":1400,"#, #""txqlen":4096,"#, #""master":"br0""#,
                #""address":"fe:ff:ff:ff:ff:ff""#, #""UP""#, #""type":"tap""#, #""pi":false"#,
                #""vnet_hdr":true"#, #""persist":false"#, #""inet6_addr_gen_mode":"none""#,
                #""state":"forwarding""#,
            ] {
                #expect(view.contains(expected), "\(expected) in \(view)")
            }
            #expect(try run("ip -o addr show dev vif1.0") == "")
            #expect(fcntl(device.descriptor, F_GETFL) & O_NONBLOCK != 0)
            #expect(fcntl(device.descriptor, F_GETFD) & FD_CLOEXEC != 0)
            let link = try bridge.session.link(named: "vif1.0")
            #expect(link?.mtu == 1400)
            #expect(link?.transmitQueueLength == 4096)
            #expect(link?.mac == .backend)
            #expect(link?.master == bridge.index)
            #expect(link?.isUp == true)
            #expect(link?.kind == "tun")
            device.close()
            #expect(try !exists("vif1.0"))
            #expect(try exists("br0"))
        }
    }

    @Test("a guest's TAP has the address, the queue and the IPv6 it asks for")
    func guestParameters() throws {
        try inFreshNamespace {
            var configuration = TapConfiguration(name: "eth0")
            configuration.mac = MACAddress(rawValue: 0x0016_3E01_0203)
            configuration.transmitQueueLength = 77
            configuration.generatesAddresses = true
            let device = try TapDevice(creating: configuration, with: NetlinkSession())
            let view = try kernelView(of: "eth0")
            #expect(view.contains(#""address":"00:16:3e:01:02:03""#))
            #expect(view.contains(#""txqlen":77,"#))
            #expect(view.contains(#""mtu":1500,"#))
            #expect(try run("ip -o addr show dev eth0").contains("fe80::216:3eff:fe01:203"))
            device.close()
        }
    }

    @Test("without an MTU a port takes the bridge's, so that a jumbo bridge stays one")
    func bridgeMTU() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            try run("ip link add veth0 mtu 9000 type veth peer name veth1")
            try bridge.enslave("veth0")
            #expect(try kernelView(of: "br0").contains(#""mtu":9000,"#))
            let device = try TapDevice(
                creating: TapConfiguration(name: "tap0", bridge: "br0"), with: bridge.session)
            #expect(try kernelView(of: "tap0").contains(#""mtu":9000,"#))
            #expect(try kernelView(of: "br0").contains(#""mtu":9000,"#))
            device.close()
        }
    }

    @Test("the link stays while a sibling holds the descriptor, and goes with the last")
    func sibling() throws {
        try inFreshNamespace {
            let device = try TapDevice(named: "tap0", offload: .all)
            let adopted = TapDevice(taking: dup(device.descriptor))
            device.close()
            #expect(try exists("tap0"))
            adopted.close()
            #expect(try !exists("tap0"))
        }
    }

    enum Mishap: CaseIterable { case noBridge, notABridge, absurdMTU, multicastMAC }

    @Test("a step that fails names its reason and leaves nothing", arguments: Mishap.allCases)
    func undone(mishap: Mishap) throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var configuration = TapConfiguration(name: "tap0", bridge: "br0")
            configuration.mtu = 1500
            let subject: String
            switch mishap {
            case .noBridge: (configuration.bridge, subject) = ("br1", "br1")
            case .notABridge: (configuration.bridge, subject) = ("lo", "lo")
            case .absurdMTU: (configuration.mtu, subject) = (100_000, "tap0")
            case .multicastMAC:
                configuration.mac = MACAddress(rawValue: 0x0100_0000_0001)
                subject = "tap0"
            }
            let error = #expect(throws: HostNetworkError.self) {
                _ = try TapDevice(creating: configuration, with: bridge.session)
            }
            #expect(error?.subject == subject)
            #expect(try linkNames() == ["lo", "br0"])
        }
    }

    @Test("a name that is taken is refused, whatever has it")
    func nameInUse() throws {
        try inFreshNamespace {
            let first = try TapDevice(named: "tap0", offload: .all)
            try run("ip tuntap add left mode tap && ip link add veth0 type veth peer name veth1")
            for name in ["tap0", "left", "veth0", "lo"] {
                let error = #expect(throws: HostNetworkError.self) {
                    _ = try TapDevice(named: name, offload: .all)
                }
                #expect(error?.subject == name)
                #expect(error?.errno == EBUSY)
                #expect(error?.description.contains("exists already") == true)
            }
            first.close()
            #expect(try linkNames().sorted() == ["left", "lo", "veth0", "veth1"])
        }
    }

    @Test(
        "a name the kernel would cut or rewrite is refused",
        arguments: [
            "sixteen-bytes-xx", "", ".", "..", "a b", "a/b", "a:b", "tap%d", "ü-8901234567890",
        ])
    func badName(name: String) throws {
        try inFreshNamespace {
            let error = #expect(throws: HostNetworkError.self) {
                _ = try TapDevice(named: name, offload: .all)
            }
            #expect(error?.subject == name)
            #expect(error?.errno == (name.utf8.count > 15 ? ENAMETOOLONG : EINVAL))
            #expect(throws: HostNetworkError.self) { _ = try Bridge(usingOrCreating: name) }
            let names = try linkNames()
            #expect(names == ["lo"])
        }
    }

    @Test("a name of fifteen bytes is taken whole")
    func longestName() throws {
        try inFreshNamespace {
            let device = try TapDevice(named: "fifteen-bytes-x", offload: .all)
            #expect(try linkNames() == ["lo", "fifteen-bytes-x"])
            device.close()
        }
    }

    @Test("segmentation without checksum is refused with the reason")
    func badOffload() throws {
        try inFreshNamespace {
            let device = try TapDevice(named: "tap0", offload: [])
            let error = #expect(throws: HostNetworkError.self) {
                try device.setOffload(.segmentationIPv4)
            }
            #expect(error?.description.contains("segmentation needs checksum") == true)
            try device.setOffload(.all)
        }
    }

    enum Node: CaseIterable { case missing, forbidden }

    @Test("without a usable /dev/net/tun the remedy is said", arguments: Node.allCases)
    func noDevice(node: Node) throws {
        let error = try onThreadOfItsOwn { () -> HostNetworkError? in
            try enterPrivateMounts()
            try NetworkNamespace.enterFresh()
            switch node {
            case .missing: try run("mount -t tmpfs none /dev/net")
            case .forbidden:
                // A device node on a mount without devices cannot be opened, not even by root.
                try run("mount --bind /dev/net/tun /dev/net/tun")
                try run("mount -o remount,bind,nodev /dev/net/tun")
            }
            do throws(HostNetworkError) {
                _ = try TapDevice(named: "tap0", offload: .all)
                return nil
            } catch {
                return error
            }
        }
        #expect(error?.subject == "/dev/net/tun")
        #expect(error?.errno == (node == .missing ? ENOENT : EACCES))
        let remedy = node == .missing ? "load the module `tun`" : "run as root"
        #expect(error?.description.contains(remedy) == true)
    }
}
