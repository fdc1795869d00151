// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Heartbeat
import Platform

/// What the kernel's command line says to the driver domain: words that begin with `netdd.`.
struct BootOptions: Equatable {
    /// The bridge of vifs for which the toolstack names none.
    var bridge = "xenbr0"
    /// A network card to put on the bridge.
    var uplink: Uplink?
    /// MTU of the bridge and of its vifs; nil for the kernel's 1500.
    var mtu: UInt32?
    /// Addresses of the bridge itself, as `10.0.0.1/24`.
    var addresses: [String] = []
    /// False to make guests compute every checksum.
    var offersChecksumOffload = true
    /// How the shadow decides that the primary is dead.
    var detection = DetectionMode.standard
    /// One process serves, and nobody takes over.
    var isSingle = false
    /// The store's node of faults is obeyed.
    var allowsFaults = false
    /// Log more.
    var isVerbose = false

    /// How a network card is named.
    enum Uplink: Equatable {
        /// By its address.
        case mac(MACAddress)
        /// By the kernel module that drives it; the first card of that driver.
        case driver(String)
    }

    /// Reads a kernel command line; words of others are left alone.
    ///
    /// - Throws: `Complaint` naming the word that is not understood.
    init(commandLine: String) throws {
        let prefix = "netdd."
        for word in commandLine.split(whereSeparator: { $0 == " " || $0 == "\n" || $0 == "\t" })
        where word.hasPrefix(prefix) {
            let parts = word.dropFirst(prefix.count)
                .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map(String.init)
            let value = parts.count == 2 ? parts[1] : ""
            switch parts[0] {
            case "bridge" where !value.isEmpty: bridge = value
            case "uplink" where !value.isEmpty:
                uplink = MACAddress(value).map(Uplink.mac) ?? .driver(value)
            case "mtu":
                guard let mtu = UInt32(value), (68...65521).contains(mtu) else {
                    throw Complaint("\(word) is out of range", remedy: "give 68 to 65521 bytes")
                }
                self.mtu = mtu
            case "address" where !value.isEmpty: addresses.append(value)
            case "no-checksum-offload" where parts.count == 1: offersChecksumOffload = false
            case "verbose" where parts.count == 1: isVerbose = true
            case "single" where parts.count == 1: isSingle = true
            case "fault-injection" where parts.count == 1: allowsFaults = true
            case "detect" where (try? DetectionMode(parsing: value)) != nil:
                detection = try DetectionMode(parsing: value)
            default:
                throw Complaint(
                    "\(word) on the kernel's command line is not understood",
                    remedy: "words are netdd.bridge=NAME, netdd.uplink=MAC or DRIVER, "
                        + "netdd.mtu=BYTES, netdd.address=ADDRESS/PREFIX, "
                        + "netdd.no-checksum-offload, netdd.detect=adaptive or fixed:MS, "
                        + "netdd.single, netdd.fault-injection and netdd.verbose")
            }
        }
    }
}
