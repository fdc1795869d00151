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
    /// libxenstore says nothing when the daemon is gone: it is asked so often.
    private static var storeCheckNanoseconds: UInt64 { 1_000_000_000 }
    /// A vif that has not closed by then is left behind.
    private static var shutdownNanoseconds: UInt64 { 10_000_000_000 }

    private var options: DriverOptions
    let logger: Logger
    var backend: Backend<Store>
    var workers: ServingWorkers
    private let network: NetlinkSession
    private let signals: Mailbox<Int32>
    let poller: Poller
    /// What is waited for while the store is gone.
    private var outage: Outage?
    /// By when every vif must have closed, once a signal asked for the end.
    private var deadline: Instant?
    /// The workers have let go of everything.
    var hasHandedOver = false
    /// The workers were asked to: some may have, so that nothing can be closed here any more.
    var isHandingOver = false
    /// Connections that wait for queues of the same vif to close.
    var deferred: [VifID: VifConnection] = [:]

    /// The store is gone.
    private struct Outage {
        var pause = RetryPause()
        var nextAttempt: Instant
    }

    /// Takes over what is connected; no vif is looked at yet.
    init(
        options: DriverOptions, store: consuming Store, network: consuming NetlinkSession,
        signals: Mailbox<Int32>, workers: consuming ServingWorkers, logger: Logger
    ) throws(PlatformError) {
        let poller = try Poller()
        try poller.add(store.descriptor, number: Self.storeNumber)
        try poller.add(signals.descriptor, number: Self.signalsNumber)
        try poller.add(workers.pool.descriptor, number: Self.repliesNumber)
        let backend = try Backend(store: store, limits: options.limits, at: .now)
        var workers = workers
        try workers.watch(with: poller)
        self.options = options
        self.logger = logger
        self.network = network
        self.signals = signals
        self.poller = poller
        self.workers = workers
        self.backend = backend
    }

    /// Serves until a signal asks for the end.
    ///
    /// - Parameter reload: called at SIGHUP for the options to take from then on.
    /// - Returns: what became of the vifs.
    /// - Throws: when a worker or the poller failed.
    mutating func run(reload: () -> DriverOptions) throws(PlatformError) -> Ending {
        var hasMoreWatches = true
        while true {
            if hasHandedOver { return .handedOver }
            if let deadline {
                if backend.vifCount == 0 { return .closed }
                if deadline <= .now { return .leftBehind(backend.vifCount) }
            }
            if outage == nil && backend.store.hasWaitingEvents { hasMoreWatches = true }
            _ = try poller.wait(milliseconds: hasMoreWatches ? 0 : patience())
            for signal in signals.takeAll() {
                switch signal {
                case SIGHUP: take(reload())
                case SIGUSR1: workers.pool.askForStatistics()
                default:
                    logger.info("closing", metadata: ["signal": "\(signal)"])
                    if isHandingOver { return .handedOver }
                    if options.detachesAtExit { return .detached(backend.vifCount) }
                    // Without the store no guest can be told: it is better off connected.
                    if outage != nil { return .withoutStore(backend.vifCount) }
                    end()
                }
            }
            mendStore()
            // libxenstore reads ahead in a thread of its own: look whenever we are awake.
            hasMoreWatches =
                outage == nil
                && backend.serveWatches(budget: Self.watchesPerTurn, at: .now)
            try takeReplies()
            hearSiblings()
            perform()
            if outage == nil { closeUnclaimed() }
        }
    }

    /// How long there is nothing to do unless something happens.
    private mutating func patience() -> Int32 {
        let now = Instant.now
        var next = outage?.nextAttempt ?? now.advanced(byNanoseconds: Self.storeCheckNanoseconds)
        if let deadline { next = min(next, deadline) }
        if let due = workers.nextDeadline() { next = min(next, due) }
        if outage == nil, let due = backend.nextDeadline { next = min(next, due) }
        return .milliseconds(until: next, from: now)
    }

    /// Notices that the store is gone, and connects again when it is time to try.
    ///
    /// Workers never touch the store, so connected guests are served on meanwhile. Behind
    /// /dev/xen/xenbus nothing fails, requests wait in the kernel: `XenbusStore` gives one up after
    /// a while and is lost with it; libxenstore waits on, and `SignalThread` bounds the end.
    private mutating func mendStore() {
        if outage == nil && !backend.store.isConnected {
            logger.warning(
                """
                xenstore is gone: connected guests are served on, and nothing else changes until \
                it is back
                """)
            poller.remove(backend.store.descriptor)
            outage = Outage(nextAttempt: .now)
        }
        guard outage.map({ $0.nextAttempt <= .now }) ?? false else { return }
        do throws(PlatformError) {
            let store = try Store.connect(options.hypervisor)
            let descriptor = store.descriptor
            try backend.reconnect(store)
            try poller.add(descriptor, number: Self.storeNumber)
            outage = nil
            logger.info("xenstore is back", metadata: ["vifs": "\(backend.vifCount)"])
        } catch {
            let pause = outage?.pause.next() ?? 0
            outage?.nextAttempt = Instant.now.advanced(byNanoseconds: pause)
            logger.debug(
                "no xenstore yet: \(error)", metadata: ["pause_ms": "\(pause / 1_000_000)"])
        }
    }

    /// Asks every vif to close. A second signal does not prolong what the first began.
    private mutating func end() {
        guard deadline == nil else { return }
        deadline = Instant.now.advanced(byNanoseconds: Self.shutdownNanoseconds)
        backend.shutdown()
    }

    /// Ends the workers; every queue is closed by then, or is closed now.
    consuming func stop() {
        workers.stop()
    }

    private mutating func take(_ options: DriverOptions) {
        self.options.bridge = options.bridge
        self.options.mtu = options.mtu
        self.options.transmitQueueLength = options.transmitQueueLength
        logger.info("reloaded: new connections use it", metadata: ["bridge": "\(options.bridge)"])
    }

    private mutating func takeReplies() throws(PlatformError) {
        for reply in try workers.pool.takeReplies() {
            switch reply {
            case .queue(let event): take(event)
            case .statistics(let id, let statistics, let isFinal):
                logger.report(id, statistics, isFinal: isFinal)
            case .note(let text): logger.debug("\(text)")
            case .tookOver(let start): logger.report(start)
            case .firstPacket(let worker, let instant):
                logger.reportFirstPacket(ofWorker: worker, at: instant)
            case .handedOver: hasHandedOver = true
            case .forgotten, .ring, .followed: break
            }
        }
    }

    /// Passes on what came of a queue.
    private mutating func take(_ event: QueueEvent) {
        switch event {
        case .opened(let id):
            workers.noteOpen(id)
            backend.handle(event)
        case .openFailed(let id, _), .closed(let id):
            workers.release(id)
            backend.handle(event)
            openDeferred(id.vif)
        case .disabled(let id, let fault):
            workers.noteFault(id, fault)
            backend.handle(event)
        }
    }

    /// Does what the backend wants; an answer may make it want more.
    private mutating func perform() {
        var commands = backend.takeCommands()
        while !commands.isEmpty {
            for command in commands {
                switch command {
                case .open(let connection): open(connection)
                case .close(let queues): close(queues)
                case .report(let level, let vif, let message): logger.report(level, vif, message)
                }
            }
            commands = backend.takeCommands()
        }
    }

    /// Opens a connection whose vif had queues of an earlier one, once those are closed.
    private mutating func openDeferred(_ vif: VifID) {
        guard !workers.holdsQueues(of: vif), let connection = deferred.removeValue(forKey: vif)
        else { return }
        open(connection)
    }

    private mutating func open(_ connection: VifConnection) {
        let ids = connection.configuration.queues.indices.map { index in
            QueueID(
                vif: connection.vif, index: UInt32(index), generation: connection.generation)
        }
        switch workers.claim(connection, ids) {
        case .claimed(let faults):
            for id in ids { backend.handle(.opened(id)) }
            for (id, fault) in faults { backend.handle(.disabled(id, fault: fault)) }
            return
        case .isInTheWay:
            // The frontend has connected anew: what is held of it closes first.
            deferred[connection.vif] = connection
            return
        case .none: break
        }
        do throws(HostNetworkError) {
            let port = try HostPort(for: connection, options, network)
            // Ethernet header and up to two VLAN tags around the payload.
            let frameSizeMax = Int(port.mtu) + NetifLimits.ethernetHeaderSize + 8
            for (index, id) in ids.enumerated() {
                let failure = workers.open(
                    id, connection.configuration.queues[index],
                    features: connection.configuration.features, frameSizeMax: frameSizeMax,
                    isAlone: ids.count == 1, over: port.queues[index], interfaceName: port.name)
                if let failure { backend.handle(.openFailed(id, reason: failure)) }
            }
        } catch {
            for id in ids { backend.handle(.openFailed(id, reason: "\(error)")) }
        }
    }

    private mutating func close(_ queues: [QueueID]) {
        deferred[queues[0].vif] = nil
        for id in queues {
            // A queue that never reached a worker has nothing to close.
            if !workers.close(id) { backend.handle(.closed(id)) }
        }
    }
}
