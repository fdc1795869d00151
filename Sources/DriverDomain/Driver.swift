// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork
import Logging
import NetBack
import Netif
import Platform

/// The driver domain's control thread: store events in, ports and queues out.
struct Driver<Store: WaitableStore & ~Copyable>: ~Copyable {
    private static var storeNumber: UInt64 { 0 }
    private static var repliesNumber: UInt64 { 1 }
    private static var signalsNumber: UInt64 { 2 }
    /// Watch events taken before workers' answers are looked at again: a guest that floods the
    /// store with writes delays nobody by more than this.
    private static var watchesPerTurn: Int { 64 }
    /// A vif that has not closed by then is left behind.
    private static var shutdownMilliseconds: Int32 { 10_000 }

    private var options: DriverOptions
    private let logger: Logger
    private var backend: Backend<Store>
    private var pool: WorkerPool
    private let network: NetlinkSession
    private let signals: SignalQueue
    private let poller: Poller
    /// The queues of every open connection.
    private var queues: [VifID: [QueueID]] = [:]

    /// Connects to everything; nothing is served yet.
    init(
        options: DriverOptions, store: consuming Store, network: consuming NetlinkSession,
        signals: consuming SignalQueue, logger: Logger
    ) throws(PlatformError) {
        let poller = try Poller()
        try poller.add(store.descriptor, number: Self.storeNumber)
        try poller.add(signals.descriptor, number: Self.signalsNumber)
        let pool = try WorkerPool(pairCount: options.workers, on: options.hypervisor)
        try poller.add(pool.descriptor, number: Self.repliesNumber)
        let backend = try Backend(store: store, limits: options.limits)
        self.options = options
        self.logger = logger
        self.network = network
        self.signals = signals
        self.poller = poller
        self.pool = pool
        self.backend = backend
    }

    /// Serves until a signal asks for the end.
    ///
    /// - Parameter reload: called at SIGHUP for the options to take from then on.
    /// - Throws: when the store, a worker or the poller failed.
    mutating func run(reload: () -> DriverOptions) throws(PlatformError) {
        var isEnding = false
        var hasMoreWatches = true
        var patience = Self.shutdownMilliseconds
        while !(isEnding && backend.vifCount == 0) {
            if backend.store.hasWaitingEvents { hasMoreWatches = true }
            let wait = hasMoreWatches ? 0 : (isEnding ? min(patience, 100) : -1)
            let ready = try poller.wait(milliseconds: wait)
            if isEnding && ready == 0 && wait > 0 {
                patience -= wait
                if patience <= 0 {
                    logger.error("vifs left behind", metadata: ["count": "\(backend.vifCount)"])
                    break
                }
            }
            for position in 0..<ready where poller.number(at: position) == Self.signalsNumber {
                while let signal = signals.next() {
                    switch signal {
                    case SIGHUP: take(reload())
                    case SIGUSR1: pool.askForStatistics()
                    default:
                        logger.info("closing", metadata: ["signal": "\(signal)"])
                        isEnding = true
                        backend.shutdown()
                    }
                }
            }
            // libxenstore reads ahead in a thread of its own: look whenever we are awake.
            hasMoreWatches = try backend.serveWatches(budget: Self.watchesPerTurn)
            try takeReplies()
            perform()
        }
    }

    /// Ends the workers; every queue is closed by then, or is closed now.
    consuming func stop() {
        pool.stop()
    }

    private mutating func take(_ options: DriverOptions) {
        self.options.bridge = options.bridge
        self.options.mtu = options.mtu
        self.options.transmitQueueLength = options.transmitQueueLength
        logger.info("reloaded: new connections use it", metadata: ["bridge": "\(options.bridge)"])
    }

    private mutating func takeReplies() throws(PlatformError) {
        for reply in try pool.takeReplies() {
            switch reply {
            case .queue(let event): backend.handle(event)
            case .statistics(let id, let statistics, let isFinal):
                logger.report(id, statistics, isFinal: isFinal)
            case .note(let text): logger.debug("\(text)")
            }
        }
    }

    /// Does what the backend wants; an answer may make it want more.
    private mutating func perform() {
        var commands = backend.takeCommands()
        while !commands.isEmpty {
            for command in commands {
                switch command {
                case .open(let connection): open(connection)
                case .close(let vif, let generation): close(vif, generation)
                case .report(let level, let vif, let message): logger.report(level, vif, message)
                }
            }
            commands = backend.takeCommands()
        }
    }

    private mutating func open(_ connection: VifConnection) {
        let ids = connection.configuration.queues.indices.map { index in
            QueueID(
                vif: connection.vif, index: UInt32(index), generation: connection.generation)
        }
        queues[connection.vif] = ids
        for (id, configuration) in zip(ids, connection.configuration.queues) {
            do throws(HostNetworkError) {
                let (tap, mtu) = try makePort(for: connection)
                pool.open(
                    QueueOpening(
                        id: id, configuration: configuration,
                        features: connection.configuration.features,
                        // Ethernet header and up to two VLAN tags around the payload.
                        frameSizeMax: Int(mtu) + NetifLimits.ethernetHeaderSize + 8),
                    tap: tap)
            } catch {
                backend.handle(.openFailed(id, reason: "\(error)"))
            }
        }
    }

    private mutating func close(_ vif: VifID, _ generation: UInt32) {
        for id in queues.removeValue(forKey: vif) ?? [] {
            // A queue that never reached a worker has nothing to close.
            if !pool.close(id) { backend.handle(.closed(id)) }
        }
    }

    /// A TAP on the vif's bridge, as a descriptor for its worker, and its MTU.
    private func makePort(
        for connection: VifConnection
    ) throws(HostNetworkError) -> (descriptor: Int32, mtu: UInt32) {
        let features = connection.configuration.features
        var tap = TapConfiguration(
            name: connection.interfaceName ?? "\(connection.vif)",
            bridge: connection.bridge ?? options.bridge)
        tap.mtu = connection.mtu ?? options.mtu
        tap.transmitQueueLength = options.transmitQueueLength
        tap.offload = []
        if features.contains(.checksumIPv4) && options.limits.offersChecksumOffload {
            tap.offload.insert(.checksum)
            if features.isSuperset(of: [.scatterGather, .segmentationTCPv4]) {
                tap.offload.insert(.segmentationIPv4)
            }
            if features.isSuperset(of: [.scatterGather, .segmentationTCPv6, .checksumIPv6]) {
                tap.offload.insert(.segmentationIPv6)
            }
        }
        let device = try TapDevice(creating: tap, with: network)
        let mtu = try network.existingLink(named: tap.name, for: "ip link show").mtu
        let descriptor = fcntl(device.descriptor, F_DUPFD_CLOEXEC, 0)
        guard descriptor >= 0 else {
            throw HostNetworkError("fcntl(F_DUPFD)", on: tap.name, errno: errno)
        }
        return (descriptor, mtu)
    }
}
