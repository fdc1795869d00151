// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import EmulatedPlatform
import Glibc
import HostNetwork
import Logging
import NetBack
import Platform
import StoreClient
import XenPlatform

/// `netbackd run`: serves every vif that the toolstack gives this domain.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serve the vifs of this domain until told to stop.",
        discussion: """
            Finds vifs below backend/vif in xenstore, connects each to a bridge of this domain and
            moves packets. A vif goes to the bridge that the toolstack names in its `bridge` node,
            otherwise to the one given here.

            Under Xen, as root in the driver domain (xen-netback must not be loaded):
              netbackd run --bridge xenbr0
            On an emulated machine, as the domain whose folder is given:
              netbackd run --hypervisor emulated:/run/emuxen/dom1 --bridge xenbr0 --create-bridge

            Signals: SIGTERM and SIGINT close every vif properly, then end. SIGHUP reads the
            configuration file again; connections made from then on use it. SIGUSR1 logs every
            queue's counters.

            Exit codes: 0 ended by a signal, all vifs closed; 1 something needed is missing or
            failed, the last line says what and what to do; 64 the command line is wrong.
            """)

    @OptionGroup var settings: Settings

    @Flag(help: "Log more.")
    var verbose = false

    @Option(help: "A descriptor to which a line is written when vifs are served.")
    var readyFD: Int32?

    mutating func run() throws {
        let logger = Logger.netbackd(level: verbose ? .debug : .info)
        let settings = settings
        let options = try settings.resolved()
        // The store's library starts a thread: signals first, so that it inherits the mask.
        let signals = try SignalQueue([SIGTERM, SIGINT, SIGHUP, SIGUSR1])
        signal(SIGPIPE, SIG_IGN)
        let network = try Self.explaining { () throws(HostNetworkError) in try NetlinkSession() }
        // Without TAPs no vif would ever connect: better said here than once for each guest.
        try Self.explaining { () throws(HostNetworkError) in try TapDevice.checkAvailability() }
        let claim = try DomainClaim(options.hypervisor)
        let bridge = try Self.openBridge(options.bridge, creating: options.createsBridge)
        let store = try Self.openStore(options.hypervisor)
        try Self.checkHypervisor(options.hypervisor)
        do throws(PlatformError) {
            var driver = try Driver(
                options: options, store: store, network: network, signals: signals,
                logger: logger)
            logger.info(
                "serving",
                metadata: [
                    "bridge": "\(options.bridge)", "workers": "\(options.workers)",
                    "hypervisor": "\(settings.hypervisor)",
                ])
            announce()
            try driver.run {
                do {
                    return try settings.resolved()
                } catch {
                    logger.error("not reloaded: \(error)")
                    return options
                }
            }
            driver.stop()
        } catch {
            throw Complaint(
                "\(error)",
                remedy: Self.remedy(for: error, options.hypervisor)
                    ?? Self.remedyForLoss(of: options.hypervisor))
        }
        do throws(HostNetworkError) {
            try bridge.remove()
        } catch {
            throw Complaint("\(error)", remedy: nil)
        }
        _ = consume claim
        logger.info("ended")
    }

    private func announce() {
        guard let readyFD else { return }
        _ = unsafe "ready\n".withCString { unsafe write(readyFD, $0, 6) }
        close(readyFD)
    }

    static func openBridge(_ name: String, creating: Bool) throws -> Bridge {
        do throws(HostNetworkError) {
            return creating ? try Bridge(usingOrCreating: name) : try Bridge(using: name)
        } catch {
            throw Complaint(
                "\(error)",
                remedy: error.errno == ENODEV
                    ? "make it with `ip link add \(name) type bridge`, or run with "
                        + "--create-bridge" : nil)
        }
    }

    static func openStore(_ choice: HypervisorChoice) throws -> LibXenStore {
        do throws(PlatformError) {
            switch choice {
            case .xen: return try LibXenStore(socketPath: nil)
            case .emulated(let socket): return try LibXenStore(socketPath: storeSocket(of: socket))
            }
        } catch {
            throw Complaint(
                "xenstore cannot be reached: \(error)", remedy: remedy(for: error, choice))
        }
    }

    /// Tries what every worker will open, so that nothing is served before it is known to work.
    static func checkHypervisor(_ choice: HypervisorChoice) throws {
        do throws(PlatformError) {
            switch choice {
            case .xen: _ = try XenHypervisor()
            case .emulated(let socket): _ = try EmulatedHypervisor(socket: socket)
            }
        } catch {
            throw Complaint(
                "the hypervisor cannot be reached: \(error)", remedy: remedy(for: error, choice))
        }
    }

    /// The store's socket stands beside the hypervisor's.
    static func storeSocket(of hypervisorSocket: String) -> String {
        guard let slash = hypervisorSocket.lastIndex(of: "/") else { return "xenstored.sock" }
        return hypervisorSocket[...slash] + "xenstored.sock"
    }

    static func remedy(for error: PlatformError, _ choice: HypervisorChoice) -> String? {
        switch (choice, error.errno) {
        case (.xen, ENOENT), (.xen, ENODEV):
            "this is not a Xen domain, or xenfs and the modules xen-gntdev and xen-evtchn are "
                + "not loaded; without Xen use --hypervisor emulated:DIR"
        case (.xen, EACCES), (.xen, EPERM): "run as root"
        case (.emulated(let socket), ENOENT), (.emulated(let socket), ECONNREFUSED):
            "no emulated machine serves \(socket): start one with `emuxen machine`"
        case (_, EACCES), (_, EPERM): "the socket belongs to another user"
        default: nil
        }
    }

    /// What to do when something ended that had worked.
    private static func remedyForLoss(of choice: HypervisorChoice) -> String {
        switch choice {
        case .xen: "xenstore or a device of Xen failed; when started again, guests are served on"
        case .emulated(let socket):
            "if the machine of \(socket) has ended, start it and then netbackd again"
        }
    }

    static func explaining<T: ~Copyable>(
        _ body: () throws(HostNetworkError) -> T
    ) throws -> T {
        do throws(HostNetworkError) {
            return try body()
        } catch {
            throw Complaint("\(error)", remedy: nil)
        }
    }
}

/// An error for a person: what is wrong, and what to do about it.
struct Complaint: Error, CustomStringConvertible {
    var message: String
    var remedy: String?

    init(_ message: String, remedy: String?) {
        self.message = message
        self.remedy = remedy
    }

    var description: String { remedy.map { "\(message): \($0)" } ?? message }
}
