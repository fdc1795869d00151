// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import Platform

/// A network card of the domain: passed through to it, or a vif from another domain.
struct NetworkCard: Equatable {
    /// Its link's name.
    var name: String
    /// Its address.
    var mac: MACAddress?
    /// The kernel module that drives it.
    var driver: String?

    /// Every network card, in the order of names.
    ///
    /// - Parameter root: the folder of links, /sys/class/net.
    /// - Returns: the cards; bridges, TAPs and the loopback are none.
    /// - Throws: `Complaint` when the folder cannot be read.
    static func all(below root: String = "/sys/class/net") throws -> [NetworkCard] {
        try SystemFile.names(in: root).compactMap { name in
            let device = "\(root)/\(name)/device"
            // Bridges, TAPs and the loopback are no devices.
            guard SystemFile.linkTarget(of: device) != nil else { return nil }
            let address = (try? SystemFile.lines(of: "\(root)/\(name)/address"))?.first
            return NetworkCard(
                name: name, mac: address.map(String.init).flatMap(MACAddress.init),
                driver: SystemFile.linkTarget(of: "\(device)/driver/module")
                    ?? SystemFile.linkTarget(of: "\(device)/driver"))
        }
    }

    /// True if it is the one that is meant. Module names may be spelled with `-` or `_`.
    func matches(_ uplink: BootOptions.Uplink) -> Bool {
        switch uplink {
        case .mac(let address): mac == address
        case .driver(let name): driver.map(Self.normal) == Self.normal(name)
        }
    }

    private static func normal(_ name: String) -> String {
        String(name.map { $0 == "-" ? "_" : $0 })
    }

    /// Waits for a card: a driver finds its own some time after it was loaded.
    ///
    /// - Throws: `Complaint` naming the cards that are there, when it has not come after 10 s.
    static func wait(for uplink: BootOptions.Uplink) throws -> NetworkCard {
        for _ in 0..<200 {
            if let found = try all().first(where: { $0.matches(uplink) }) { return found }
            usleep(50_000)
        }
        let seen = try all().map {
            "\($0.name) mac=\($0.mac.map { "\($0)" } ?? "?") driver=\($0.driver ?? "?")"
        }
        let wanted =
            switch uplink {
            case .mac(let address): "\(address)"
            case .driver(let name): name
            }
        throw Complaint(
            "no network card is netdd.uplink=\(wanted) (there are: "
                + (seen.isEmpty ? "none" : seen.joined(separator: "; ")) + ")",
            remedy: "give the domain the card (`pci=` or `vif=`) and the image its driver "
                + "(boot/build-image --driver)")
    }
}
