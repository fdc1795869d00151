// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostNetwork
import Testing

@Suite(.serialized, .timeLimit(.minutes(10)))
struct BridgeTests {
    @Test("a bridge that was not there is made, forwards at once, and goes with its owner")
    func created() throws {
        try inFreshNamespace {
            do {
                let bridge = try Bridge(usingOrCreating: "br0")
                let view = try kernelView(of: "br0")
                let isOurs = bridge.created
                #expect(isOurs)
                #expect(view.contains(#""ifindex":\#(bridge.index),"#))
                #expect(view.contains(#""info_kind":"bridge""#))
                #expect(view.contains(#""forward_delay":0,"#))
                #expect(view.contains(#""stp_state":0,"#))
                #expect(view.contains(#""UP""#))
            }
            #expect(try linkNames() == ["lo"])
        }
    }

    @Test("removing a bridge we made deletes it, even if somebody else did already")
    func removed() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            try bridge.remove()
            #expect(try !exists("br0"))
            let gone = try Bridge(usingOrCreating: "br0")
            try run("ip link delete br0")
            try gone.remove()
        }
    }

    @Test("a bridge that was there is used as it is and stays as it was")
    func found() throws {
        try inFreshNamespace {
            try run("ip link add br0 mtu 9000 type bridge forward_delay 700 stp_state 1")
            func settings() throws -> [Bool] {
                let view = try kernelView(of: "br0")
                let kept = [#""mtu":9000,"#, #""forward_delay":700,"#, #""stp_state":1,"#]
                return kept.map { view.contains($0) } + [!view.contains(#""UP""#)]
            }
            do {
                let bridge = try Bridge(usingOrCreating: "br0")
                let isOurs = bridge.created
                #expect(!isOurs)
                #expect(try settings() == [true, true, true, true])
            }
            try Bridge(using: "br0").remove()
            #expect(try settings() == [true, true, true, true])
        }
    }

    @Test("a name that belongs to something else is refused and named", arguments: [true, false])
    func notABridge(creating: Bool) throws {
        try inFreshNamespace {
            try run("ip link add veth0 type veth peer name veth1")
            for name in ["veth0", "lo"] {
                let error = #expect(throws: HostNetworkError.self) {
                    _ = creating ? try Bridge(usingOrCreating: name) : try Bridge(using: name)
                }
                #expect(error?.subject == name)
                #expect(error?.description.contains("\(name) exists but is not a bridge") == true)
            }
        }
    }

    @Test("a bridge that must be there and is not is an error naming it")
    func missing() throws {
        try inFreshNamespace {
            let error = #expect(throws: HostNetworkError.self) { _ = try Bridge(using: "br0") }
            #expect(error?.subject == "br0")
            #expect(error?.errno == ENODEV)
            let names = try linkNames()
            #expect(names == ["lo"])
        }
    }

    @Test("a bridge left in place outlives its owner")
    func leftInPlace() throws {
        try inFreshNamespace {
            try Bridge(usingOrCreating: "br0").leaveInPlace()
            #expect(try exists("br0"))
        }
    }

    @Test("a stranger's bridge that took over the name is not deleted")
    func replaced() throws {
        try inFreshNamespace {
            do {
                let bridge = try Bridge(usingOrCreating: "br0")
                try run("ip link delete br0 && ip link add br0 type bridge")
                let isOurs = bridge.created
                #expect(isOurs)
            }
            #expect(try exists("br0"))
        }
    }

    @Test("a port is enslaved and released")
    func ports() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            try bridge.session.createVethPair("veth0", "veth1")
            try bridge.enslave("veth0")
            #expect(try kernelView(of: "veth0").contains(#""master":"br0""#))
            #expect(try bridge.session.link(named: "veth0")?.master == bridge.index)
            try bridge.session.release("veth0")
            #expect(try !kernelView(of: "veth0").contains(#""master""#))
            let error = #expect(throws: HostNetworkError.self) {
                try bridge.session.enslave("veth0", to: "veth1")
            }
            #expect(error?.subject == "veth1")
            #expect(try bridge.session.link(named: "veth0")?.master == nil)
        }
    }

    @Test("a bridge is removed from the namespace it was made in, wherever its owner is by then")
    func otherNamespace() throws {
        try inFreshNamespace {
            let elsewhere = try NetworkNamespace.fresh()
            do {
                let bridge = try elsewhere.within { () throws(HostNetworkError) -> Bridge in
                    try Bridge(usingOrCreating: "br0")
                }
                let isOurs = bridge.created
                #expect(isOurs)
                #expect(try linkNames() == ["lo"])
                let there = try elsewhere.within { Result { try linkNames() } }
                #expect(try there.get() == ["lo", "br0"])
            }
            let there = try elsewhere.within { Result { try linkNames() } }
            #expect(try there.get() == ["lo"])
        }
    }
}
