// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Platform
import Testing

@testable import ringctl

@Suite("What ringctl is given")
struct ArgumentTests {
    @Test("a vif is named with or without its prefix", arguments: ["vif3.7", "3.7", "3/7"])
    func vif(text: String) {
        #expect(
            VifArgument(argument: text) == .number(VifID(domain: DomainID(3), device: 7)))
    }

    @Test("a guest's name stands for it", arguments: ["g1", "web-2", "vifs", "a.b"])
    func guest(name: String) {
        let argument = VifArgument(argument: "\(name)/1")
        #expect(argument == .name(name, device: 1))
        let vif = VifID(domain: DomainID(5), device: 1)
        #expect(argument?.names(vif, guest: name) == true)
        #expect(argument?.names(vif, guest: nil) == false)
        #expect(argument?.names(VifID(domain: DomainID(5), device: 0), guest: name) == false)
    }

    @Test(
        "what names no vif is refused",
        arguments: [
            "", "vif", "vif3", "vif3.", "vif.0", "3.+0", "3.0.0", "3. 0", "-1.0", "65536.0",
            "32752.0", "3.4294967296", "eth0", "g1", "g1/", "/0", "g1/x", "70000/0", "g1.0",
        ])
    func noVif(text: String) {
        #expect(VifArgument(argument: text) == nil)
    }

    @Test("a domain's folder and the socket in it are the same choice")
    func hypervisor() {
        let folder = HypervisorChoice(argument: "emulated:/run/x/dom1")
        #expect(folder == .emulated(socket: "/run/x/dom1/hypervisor.sock"))
        #expect(HypervisorChoice(argument: "emulated:/run/x/dom1/hypervisor.sock") == folder)
        #expect(HypervisorChoice(argument: "xen") == .xen)
        #expect(HypervisorChoice(argument: "emulated:") == nil)
        #expect(HypervisorChoice(argument: "kvm") == nil)
    }

    @Test("columns are aligned, and what a terminal would obey is spelt out")
    func table() {
        var table = TextTable(["A", "BB"])
        table.append(["long", nil])
        table.append(["x\u{1B}[2J", "\u{9B}é\n"])
        #expect(
            table.lines == ["A           BB", "long        -", "x\\u{1b}[2J  \\u{9b}\\u{e9}\\u{a}"])
    }

    @Test("a state is a word, and what is no state stays what it is")
    func state() {
        #expect(VifNodes.stateName("4") == "Connected")
        #expect(VifNodes.stateName("2") == "InitWait")
        #expect(VifNodes.stateName("99") == "99")
        #expect(VifNodes.stateName("x") == "x")
        #expect(VifNodes.stateName(nil) == nil)
    }
}
