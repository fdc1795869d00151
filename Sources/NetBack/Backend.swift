// SPDX-License-Identifier: Apache-2.0
public import Platform

/// The control plane: finds vifs in the store, walks each through its xenbus life, and says what
/// is to be opened and closed.
///
/// Everything is driven by watch events and by the answers to commands; nothing blocks but the
/// store's own requests. One thread.
public struct Backend<Store: XenStore & ~Copyable>: ~Copyable {
    /// The store, in the backend's own domain.
    public var store: Store
    /// What to do next, in order; the owner takes and empties it after every call.
    public private(set) var commands: [BackendCommand] = []

    let limits: BackendLimits
    var vifs: [VifID: Vif] = [:]
    var isShuttingDown = false
    /// When the owner last looked at its clock.
    var now: Instant
    /// Vifs whose frontend changes its state too often, and when it is looked at again.
    var pausedFrontends: [VifID: Instant] = [:]
    /// Vifs that have ended, and when their nodes are removed if the toolstack has not.
    var dueRemovals: [VifID: Instant] = [:]
    /// Nodes of ended vifs are removed by the backend; in the toolstack's own domain, by libxl.
    private let removesNodes: Bool
    /// Answers that came while the store was gone.
    var waitingEvents: [QueueEvent] = []

    /// Every vif that was there at the start has been looked at.
    public internal(set) var hasScanned = false

    /// What is known of one vif.
    struct Vif {
        var machine: VifStateMachine
        var frontendPath: String
        var pace: ChangePace
        var generation: UInt32 = 0
        /// What stands in the store, as far as we know.
        var lastWrittenState: XenbusState
        /// A state that the store was not there to take.
        var unwrittenState: XenbusState?
        /// The store went away when the frontend's nodes were to be read.
        var isOpeningPutOff = false
        /// Queues that were asked for and have not been answered, and those that are open.
        var openingQueues: Set<UInt32> = []
        var openQueues: Set<UInt32> = []
        var closingQueues: Set<UInt32> = []
        var openFailure: String?
    }

    /// The tree that the toolstack fills with vifs, relative to the backend's own domain.
    public static var root: String { "backend/vif" }

    /// How long the toolstack may need to see that a vif is Closed: libxl calls it an error if the
    /// node is gone before. It waits for us to remove it, so not longer.
    private static var removalDelayNanoseconds: UInt64 { 500_000_000 }

    /// Starts watching; every vif that is already there is found by the first watch event.
    public init(
        store: consuming Store, limits: BackendLimits, at now: Instant
    ) throws(PlatformError) {
        var store = store
        try store.watch(Self.root, token: Self.root)
        removesNodes = try store.read("domid") != "0"
        self.store = store
        self.limits = limits
        self.now = now
    }

    /// Vifs known.
    public var vifCount: Int { vifs.count }

    /// Hands over what is to be done and forgets it.
    public mutating func takeCommands() -> [BackendCommand] {
        let taken = commands
        commands = []
        return taken
    }

    /// When `serveWatches` has something to do although no event came; nil for never.
    public var nextDeadline: Instant? {
        [pausedFrontends.values.min(), dueRemovals.values.min()].compactMap { $0 }.min()
    }

    /// Takes up to `budget` watch events; true if there may be more. Does nothing while the store
    /// is gone.
    public mutating func serveWatches(budget: Int, at now: Instant) -> Bool {
        self.now = now
        guard store.isConnected else { return false }
        for vif in pausedFrontends.filter({ $0.value <= now }).keys.sorted() {
            pausedFrontends[vif] = nil
            frontendChanged(vif)
        }
        for vif in dueRemovals.filter({ $0.value <= now }).keys.sorted() {
            dueRemovals[vif] = nil
            apply(.removalDue, to: vif)
        }
        for _ in 0..<budget {
            // That a connection is lost is told by `store.isConnected`.
            guard store.isConnected, let event = try? store.nextWatchEvent() else { return false }
            if event.token == Self.root {
                handleBackendPath(event.path)
            } else if let vif = Self.vif(ofToken: event.token) {
                frontendChanged(vif)
            }
        }
        return true
    }

    /// Takes the answer to a command.
    public mutating func handle(_ event: QueueEvent) {
        guard store.isConnected else { return waitingEvents.append(event) }
        switch event {
        case .opened(let queue):
            guard isCurrent(queue) else { return }
            vifs[queue.vif]?.openingQueues.remove(queue.index)
            vifs[queue.vif]?.openQueues.insert(queue.index)
            finishOpening(queue.vif)
        case .openFailed(let queue, let reason):
            guard isCurrent(queue) else { return }
            vifs[queue.vif]?.openingQueues.remove(queue.index)
            if vifs[queue.vif]?.openFailure == nil { vifs[queue.vif]?.openFailure = reason }
            finishOpening(queue.vif)
        case .closed(let queue):
            guard isCurrent(queue) else { return }
            vifs[queue.vif]?.openingQueues.remove(queue.index)
            vifs[queue.vif]?.openQueues.remove(queue.index)
            vifs[queue.vif]?.closingQueues.remove(queue.index)
            if vifs[queue.vif]?.closingQueues.isEmpty ?? false {
                apply(.queuesClosed, to: queue.vif)
            }
        case .disabled(let queue, let fault):
            guard isCurrent(queue) else { return }
            report(.warning, queue.vif, "disabled: \(fault)")
            writeError(queue.vif, "\(queue) is disabled: \(fault)")
        }
    }

    /// Asks every vif to close properly; `vifCount` is 0 when all are done.
    public mutating func shutdown() {
        isShuttingDown = true
        for vif in vifs.keys.sorted() { apply(.shutdown, to: vif) }
    }

    // MARK: what the state machine wants

    mutating func apply(_ event: VifEvent, to vif: VifID) {
        perform(vifs[vif]?.machine.handle(event) ?? [], on: vif)
    }

    mutating func perform(_ actions: [VifAction], on vif: VifID) {
        for action in actions {
            switch action {
            case .writeState(let state):
                writeState(state, of: vif)
            case .readFrontend:
                readFrontendState(of: vif)
            case .openQueues:
                openQueues(of: vif)
            case .closeQueues:
                closeQueues(of: vif)
            case .reportError(let reason):
                report(.warning, vif, "refused: \(reason)")
                writeError(vif, reason)
            case .reconfigure:
                report(.info, vif, "reconfigured")
            case .awaitRemoval:
                guard removesNodes else { continue }
                dueRemovals[vif] = now.advanced(byNanoseconds: Self.removalDelayNanoseconds)
            case .removeNode:
                removeNode(vif)
            case .forget:
                forget(vif)
            }
        }
    }

    mutating func writeState(_ state: XenbusState, of vif: VifID) {
        let path = Self.path(vif)
        if state == .initWait {
            // Features stand before InitWait: the frontend reads them as soon as it sees that
            // state. Each time, since the toolstack may have made the node anew.
            for (key, value) in limits.offeredFeatures { write(vif, "\(path)/\(key)", value) }
        }
        if state == .connected {
            // We are the hotplug script: the port is on the bridge by now.
            write(vif, "\(path)/hotplug-status", "connected")
            _ = try? store.remove("error/\(path)")
        }
        guard write(vif, "\(path)/state", "\(state.rawValue)") else {
            if !store.isConnected { vifs[vif]?.unwrittenState = state }
            return
        }
        vifs[vif]?.lastWrittenState = state
        vifs[vif]?.unwrittenState = nil
        report(.info, vif, "state=\(state.rawValue)")
    }

    mutating func openQueues(of vif: VifID) {
        guard let known = vifs[vif] else { return }
        let generation = known.generation &+ 1
        vifs[vif]?.generation = generation
        vifs[vif]?.openFailure = nil
        vifs[vif]?.isOpeningPutOff = false
        do throws(VifConfigurationError) {
            let configuration = try VifConfiguration.read(
                frontend: known.frontendPath, maximumQueues: limits.queuesPerVif, from: &store)
            let connection = try readConnection(vif, generation, configuration)
            vifs[vif]?.openingQueues = Set(0..<UInt32(configuration.queues.count))
            commands.append(.open(connection))
        } catch {
            guard store.isConnected else {
                vifs[vif]?.isOpeningPutOff = true
                return
            }
            apply(.connectFailed("\(error)"), to: vif)
        }
    }

    private mutating func readConnection(
        _ vif: VifID, _ generation: UInt32, _ configuration: VifConfiguration
    ) throws(VifConfigurationError) -> VifConnection {
        let path = Self.path(vif)
        do throws(PlatformError) {
            return VifConnection(
                vif: vif, generation: generation, configuration: configuration,
                bridge: try store.read("\(path)/bridge"),
                mtu: try store.read("\(path)/mtu").flatMap(StoreNumber.parse),
                interfaceName: try store.read("\(path)/vifname"))
        } catch {
            throw .store(error)
        }
    }

    private mutating func finishOpening(_ vif: VifID) {
        guard let known = vifs[vif], known.openingQueues.isEmpty else { return }
        if let reason = known.openFailure {
            apply(.connectFailed(reason), to: vif)
        } else {
            apply(.queuesOpened, to: vif)
        }
    }

    private mutating func closeQueues(of vif: VifID) {
        guard let known = vifs[vif] else { return }
        let held = known.openQueues.union(known.openingQueues)
        vifs[vif]?.closingQueues = held
        if held.isEmpty {
            apply(.queuesClosed, to: vif)
        } else {
            commands.append(
                .close(
                    held.sorted().map {
                        QueueID(vif: vif, index: $0, generation: known.generation)
                    }))
        }
    }

    private mutating func removeNode(_ vif: VifID) {
        do throws(PlatformError) {
            try store.remove(Self.path(vif))
        } catch {
            report(.error, vif, "cannot remove \(Self.path(vif)): \(error)")
        }
        _ = try? store.remove("error/\(Self.path(vif))")
    }

    private mutating func forget(_ vif: VifID) {
        guard let known = vifs.removeValue(forKey: vif) else { return }
        pausedFrontends[vif] = nil
        dueRemovals[vif] = nil
        _ = try? store.unwatch("\(known.frontendPath)/state", token: "\(vif)")
        report(.info, vif, "gone")
        // The toolstack may have plugged it in again meanwhile.
        let state = XenbusState(text: read(vif, "\(Self.path(vif))/state"))
        if state == .initialising { appear(vif) }
    }

    // MARK: small change

    private func isCurrent(_ queue: QueueID) -> Bool {
        vifs[queue.vif]?.generation == queue.generation
    }

    mutating func report(_ level: ReportLevel, _ vif: VifID?, _ message: String) {
        // What cannot be done without the store is done when it is back.
        guard store.isConnected || level != .error else { return }
        commands.append(.report(level, vif: vif, message: message))
    }

    mutating func read(_ vif: VifID, _ path: String) -> String? {
        do throws(PlatformError) {
            return try store.read(path)
        } catch {
            report(.error, vif, "\(path) cannot be read: \(error)")
            return nil
        }
    }

    @discardableResult
    mutating func write(_ vif: VifID, _ path: String, _ value: String) -> Bool {
        do throws(PlatformError) {
            try store.write(path, value)
            return true
        } catch {
            report(.error, vif, "cannot write \(path): \(error)")
            return false
        }
    }

    /// Where xenbus's error messages stand: `error/backend/vif/FE/DEV/error`.
    private mutating func writeError(_ vif: VifID, _ reason: String) {
        write(vif, "error/\(Self.path(vif))/error", reason)
    }

    static func path(_ vif: VifID) -> String { "\(root)/\(vif.domain)/\(vif.device)" }

    static func vif(_ domain: String, _ device: String) -> VifID? {
        guard let domain = StoreNumber.parse(domain).flatMap(UInt16.init(exactly:)),
            domain < DomainID.firstReserved.rawValue, let device = StoreNumber.parse(device)
        else { return nil }
        return VifID(domain: DomainID(domain), device: device)
    }

    /// The token of a frontend's watch is its vif's name, `vif1.0`.
    private static func vif(ofToken token: String) -> VifID? {
        let parts = token.dropFirst(3).split(separator: ".").map(String.init)
        return parts.count == 2 ? vif(parts[0], parts[1]) : nil
    }
}
