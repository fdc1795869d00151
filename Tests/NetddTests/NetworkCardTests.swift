// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform
import TestSupport
import Testing

@testable import netdd

struct NetworkCardTests {
    @Test("a card is known by its address, or by its driver in either spelling")
    func matching() {
        let card = NetworkCard(
            name: "eth0", mac: MACAddress(rawValue: 0x0016_3E00_0001), driver: "xen_netfront")
        #expect(card.matches(.mac(MACAddress(rawValue: 0x0016_3E00_0001))))
        #expect(!card.matches(.mac(MACAddress(rawValue: 0x0016_3E00_0002))))
        #expect(card.matches(.driver("xen-netfront")))
        #expect(card.matches(.driver("xen_netfront")))
        #expect(!card.matches(.driver("e1000e")))
        #expect(!NetworkCard(name: "x", mac: nil, driver: nil).matches(.driver("e1000e")))
    }

    @Test("only links that belong to a device are cards")
    func reading() throws {
        // Links of this machine: the loopback is no device, and whatever else has an address.
        let cards = try NetworkCard.all()
        #expect(!cards.contains { $0.name == "lo" })
        for card in cards { #expect(card.mac != nil) }
        #expect(try NetworkCard.all(below: "/nonexistent").isEmpty)
    }
}
