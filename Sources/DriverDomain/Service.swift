// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
public import HostNetwork
public import Logging
import NetBack
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
        let signals = try SignalThread(
            SignalQueue([SIGTERM, SIGINT, SIGHUP, SIGUSR1]), logger: logger
        ).signals
        signal(SIGPIPE, SIG_IGN)
        let network = try Self.explaining { () throws(HostNetworkError) in try NetlinkSession() }
        try Self.checkNeeds(options.hypervisor)
        let claim = try DomainClaim(options.hypervisor)
        let bridge = try Self.openBridge(options.bridge, creating: options.createsBridge)
        let ending =
            switch options.storeClient {
            case .library:
                try serve(
                    try Self.openStore(options.hypervisor), network, signals,
                    whenServing: whenServing, reload: reload)
            case .wire:
                try serve(
                    try Self.openWireStore(options.hypervisor), network, signals,
                    whenServing: whenServing, reload: reload)
            }
        try Self.finish(bridge, ending, logger)
        _ = consume claim
        logger.info("ended")
    }

    private func serve<Store: WaitableStore & ~Copyable>(
        _ store: consuming Store, _ network: consuming NetlinkSession,
        _ signals: Mailbox<Int32>, whenServing: () -> Void, reload: () -> DriverOptions
    ) throws -> Ending {
        try Self.checkHypervisor(options.hypervisor)
        do throws(PlatformError) {
            // One process alone keeps a journal as well: the packet path is the same.
            let queues = options.limits.vifs * Int(options.limits.queuesPerVif)
            let region = try StateRegion(
                making: StateLayout(
                    workers: 2 * options.workers, queues: min(queues, 4096)),
                for: options.hypervisor)
            region.note(.started) { $0.text = options.hypervisor.identity }
            let logger = logger.keepingTail(in: region)
            let pool = try WorkerPool(on: options.hypervisor, region: region)
            try pool.waitForWorkers()
            var driver = try Driver(
                options: options, store: store, network: network, signals: signals,
                workers: ServingWorkers(
                    pool: pool, region: region, table: QueueTable(region.journal), parent: nil),
                logger: logger)
            logger.info(
                "serving",
                metadata: [
                    "bridge": "\(options.bridge)", "workers": "\(options.workers)",
                    "hypervisor": "\(options.hypervisor)",
                ])
            whenServing()
            let ending = try driver.run(reload: reload)
            driver.stop()
            return ending
        } catch {
            throw Complaint(
                "\(error)",
                remedy: Self.remedy(for: error, options.hypervisor)
                    ?? Self.remedyForLoss(of: options.hypervisor))
        }
    }

    /// Removes the bridge if we made it, unless guests are left on it.
    private static func finish(
        _ bridge: consuming Bridge, _ ending: Ending, _ logger: Logger
    ) throws {
        switch ending {
        case .detached(let count) where count > 0:
            logger.info("left connected for the next netbackd", metadata: ["vifs": "\(count)"])
            bridge.leaveInPlace()
        case .withoutStore(let count) where count > 0:
            bridge.leaveInPlace()
            throw Complaint(
                "xenstore is gone and \(count) vifs could not be closed",
                remedy: "they are left connected, and the next netbackd serves them on")
        case .leftBehind(let count):
            bridge.leaveInPlace()
            throw Complaint(
                "\(count) vifs did not close in time and are left behind",
                remedy: "the next netbackd takes them up as they are")
        case .closed, .detached, .withoutStore, .handedOver:
            do throws(HostNetworkError) {
                try bridge.remove()
            } catch {
                throw Complaint("\(error)", remedy: nil)
            }
        }
    }
}

// MARK: what is needed, each with what to do when it is missing

extension Service {
    /// Checks what serving needs, so that nothing is served before it is known to work.
    ///
    /// - Throws: `Complaint` naming what is missing.
    static func checkNeeds(_ choice: HypervisorChoice) throws {
        // Without TAPs no vif would ever connect: better said here than once for each guest.
        try explaining { () throws(HostNetworkError) in try TapDevice.checkAvailability() }
        if choice == .xen { try XenVersion.check() }
        try checkCompetitor(choice)
    }

    /// Tries the store, so that nothing is started before it is known to work.
    ///
    /// - Throws: `Complaint` when it cannot be reached.
    static func checkStore(_ options: DriverOptions) throws {
        switch options.storeClient {
        case .library: _ = try openStore(options.hypervisor)
        case .wire: _ = try openWireStore(options.hypervisor)
        }
    }

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

    /// Looks for the kernel's own backend, which would take each vif before us or after.
    ///
    /// - Throws: `Complaint` when it is loaded.
    public static func checkCompetitor(_ choice: HypervisorChoice) throws {
        let driver = "/sys/bus/xen-backend/drivers/vif"
        guard choice == .xen, unsafe access(driver, F_OK) == 0 else { return }
        throw Complaint(
            "the kernel's own backend xen-netback serves this domain's vifs (\(driver))",
            remedy: "unload it with `rmmod xen-netback` and keep it away with a line "
                + "`blacklist xen-netback` in /etc/modprobe.d")
    }

    /// Connects to xenstore through libxenstore.
    ///
    /// - Throws: `Complaint` when it cannot be reached.
    public static func openStore(_ choice: HypervisorChoice) throws -> LibXenStore {
        try reaching(choice) { () throws(PlatformError) in
            try LibXenStore.connect(choice)
        }
    }

    /// Connects to xenstore by its wire protocol.
    ///
    /// - Throws: `Complaint` when it cannot be reached.
    static func openWireStore(_ choice: HypervisorChoice) throws -> XenbusStore {
        try reaching(choice) { () throws(PlatformError) in
            try XenbusStore.connect(choice)
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
        case (.xen, ENOENT), (.xen, ENODEV), (.xen, ENXIO), (.xen, ECONNREFUSED):
            "this is not a Xen domain, or \(whatIsMissing(for: error)); "
                + "without Xen use --hypervisor emulated:DIR"
        case (.xen, EACCES), (.xen, EPERM): "run as root: \(whatIsClosed(for: error))"
        case (.emulated(let socket), ENOENT), (.emulated(let socket), ECONNREFUSED):
            "no emulated machine serves \(socket): start one with `emuxen machine`"
        case (_, EACCES), (_, EPERM): "the socket belongs to another user"
        default: nil
        }
    }

    private static func whatIsMissing(for error: PlatformError) -> String {
        switch "\(error.operation)" {
        case "xengnttab_open": "/dev/xen/gntdev is missing: `modprobe xen-gntdev`"
        case "xenevtchn_open": "/dev/xen/evtchn is missing: `modprobe xen-evtchn`"
        case "xs_open", "open of xenbus", "connect to xenstored":
            "/dev/xen/xenbus is missing: its kernel has no xenbus; in dom0, xenstored does not run"
        default: "xenfs and the modules xen-gntdev and xen-evtchn are not loaded"
        }
    }

    private static func whatIsClosed(for error: PlatformError) -> String {
        switch "\(error.operation)" {
        case "xengnttab_open": "this user may not open /dev/xen/gntdev"
        case "xenevtchn_open": "this user may not open /dev/xen/evtchn"
        case "xs_open", "open of xenbus", "connect to xenstored":
            "this user may not open /dev/xen/xenbus or xenstored's socket"
        default: "this user may not open Xen's devices"
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
