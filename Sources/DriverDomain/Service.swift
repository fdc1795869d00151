// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
public import HostNetwork
public import Logging
public import Platform
public import StoreClient
import XenPlatform

/// The whole service of a driver domain, from opening what it needs to the last vif closed.
public struct Service {
    private let options: DriverOptions
    private let logger: Logger

    /// Nothing is opened yet.
    public init(_ options: DriverOptions, logger: Logger) {
        self.options = options
        self.logger = logger
    }

    /// Serves every vif of this domain until a signal asks for the end.
    ///
    /// To be called before other threads start: they inherit the mask of signals.
    ///
    /// - Parameters:
    ///   - whenServing: called once when everything needed is open.
    ///   - reload: called at SIGHUP for the options that new connections take.
    /// - Throws: `Complaint` when something needed is missing or failed.
    public func run(whenServing: () -> Void, reload: () -> DriverOptions) throws {
        // The store's library starts a thread: signals first, so that it inherits the mask.
        let signals = try SignalQueue([SIGTERM, SIGINT, SIGHUP, SIGUSR1])
        signal(SIGPIPE, SIG_IGN)
        let network = try Self.explaining { () throws(HostNetworkError) in try NetlinkSession() }
        // Without TAPs no vif would ever connect: better said here than once for each guest.
        try Self.explaining { () throws(HostNetworkError) in try TapDevice.checkAvailability() }
        let claim = try DomainClaim(options.hypervisor)
        let bridge = try Self.openBridge(options.bridge, creating: options.createsBridge)
        switch options.storeClient {
        case .library:
            let store = try Self.openStore(options.hypervisor)
            try serve(store, network, signals, whenServing: whenServing, reload: reload)
        case .wire:
            let store = try Self.openWireStore(options.hypervisor)
            try serve(store, network, signals, whenServing: whenServing, reload: reload)
        }
        do throws(HostNetworkError) {
            try bridge.remove()
        } catch {
            throw Complaint("\(error)", remedy: nil)
        }
        _ = consume claim
        logger.info("ended")
    }

    private func serve<Store: WaitableStore & ~Copyable>(
        _ store: consuming Store, _ network: consuming NetlinkSession,
        _ signals: consuming SignalQueue, whenServing: () -> Void, reload: () -> DriverOptions
    ) throws {
        try Self.checkHypervisor(options.hypervisor)
        do throws(PlatformError) {
            var driver = try Driver(
                options: options, store: store, network: network, signals: signals,
                logger: logger)
            logger.info(
                "serving",
                metadata: [
                    "bridge": "\(options.bridge)", "workers": "\(options.workers)",
                    "hypervisor": "\(options.hypervisor)",
                ])
            whenServing()
            try driver.run(reload: reload)
            driver.stop()
        } catch {
            throw Complaint(
                "\(error)",
                remedy: Self.remedy(for: error, options.hypervisor)
                    ?? Self.remedyForLoss(of: options.hypervisor))
        }
    }
}

// MARK: what is needed, each with what to do when it is missing

extension Service {
    /// Finds the bridge, or makes it.
    ///
    /// - Throws: `Complaint` when it is not there or is something else.
    public static func openBridge(_ name: String, creating: Bool) throws -> Bridge {
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

    /// Connects to xenstore through libxenstore.
    ///
    /// - Throws: `Complaint` when it cannot be reached.
    public static func openStore(_ choice: HypervisorChoice) throws -> LibXenStore {
        try reaching(choice) { () throws(PlatformError) in
            try LibXenStore(socketPath: choice.storeSocket)
        }
    }

    /// Connects to xenstore by its wire protocol.
    ///
    /// - Throws: `Complaint` when it cannot be reached.
    static func openWireStore(_ choice: HypervisorChoice) throws -> XenbusStore {
        try reaching(choice) { () throws(PlatformError) in
            try XenbusStore(path: choice.storeSocket ?? XenbusStore.device)
        }
    }

    private static func reaching<Store: ~Copyable>(
        _ choice: HypervisorChoice, _ open: () throws(PlatformError) -> Store
    ) throws -> Store {
        do throws(PlatformError) {
            return try open()
        } catch {
            throw Complaint(
                "xenstore cannot be reached: \(error)", remedy: remedy(for: error, choice))
        }
    }

    /// Tries what every worker will open, so that nothing is served before it is known to work.
    ///
    /// - Throws: `Complaint` when it cannot be opened.
    public static func checkHypervisor(_ choice: HypervisorChoice) throws {
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

    /// What to do about an error at the start; nil where nothing is known.
    public static func remedy(for error: PlatformError, _ choice: HypervisorChoice) -> String? {
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

    private static func explaining<T: ~Copyable>(
        _ body: () throws(HostNetworkError) -> T
    ) throws -> T {
        do throws(HostNetworkError) {
            return try body()
        } catch {
            throw Complaint("\(error)", remedy: nil)
        }
    }
}
