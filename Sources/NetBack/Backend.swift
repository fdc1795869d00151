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

    private let limits: BackendLimits
    private var vifs: [VifID: Vif] = [:]
    private var isShuttingDown = false

    /// What is known of one vif.
    private struct Vif {
        var machine: VifStateMachine
        var frontendPath: String
        var generation: UInt32 = 0
        var lastWrittenState: XenbusState
        /// Queues that were asked for and have not been answered, and those that are open.
        var openingQueues: Set<UInt32> = []
        var openQueues: Set<UInt32> = []
        var closingQueues: Set<UInt32> = []
        var openFailure: String?
    }

    /// The tree that the toolstack fills with vifs, relative to the backend's own domain.
    public static var root: String { "backend/vif" }

    /// Starts watching; every vif that is already there is found by the first watch event.
    public init(store: consuming Store, limits: BackendLimits) throws(PlatformError) {
        self.store = store
        self.limits = limits
        try self.store.watch(Self.root, token: Self.root)
    }

    /// Vifs known.
    public var vifCount: Int { vifs.count }

    /// Hands over what is to be done and forgets it.
    public mutating func takeCommands() -> [BackendCommand] {
        let taken = commands
        commands = []
        return taken
    }

    /// Takes up to `budget` watch events; true if there may be more.
    ///
    /// - Throws: when the store's connection failed.
    public mutating func serveWatches(budget: Int) throws(PlatformError) -> Bool {
        for _ in 0..<budget {
            guard let event = try store.nextWatchEvent() else { return false }
            if event.token == Self.root {
                handleBackendPath(event.path)
            } else if let vif = Self.vif(ofToken: event.token) {
                readFrontendState(of: vif)
            }
        }
        return true
    }

    /// Takes the answer to a command.
    public mutating func handle(_ event: QueueEvent) {
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

    // MARK: what the toolstack wrote

    /// A path below `backend/vif` changed: FE, FE/DEV or FE/DEV/key.
    private mutating func handleBackendPath(_ path: String) {
        let parts = path.split(separator: "/").dropFirst(2).map(String.init)
        if parts.count >= 2 {
            guard let vif = Self.vif(parts[0], parts[1]) else { return }
            handleBackendNode(vif, key: parts.count > 2 ? parts[2] : nil)
        } else if parts.count == 1 {
            scan(domain: parts[0])
            removeVanished()
        } else {
            for domain in (try? store.directory(Self.root)) ?? [] { scan(domain: domain) }
            removeVanished()
        }
    }

    private mutating func scan(domain: String) {
        for device in (try? store.directory("\(Self.root)/\(domain)")) ?? [] {
            guard let vif = Self.vif(domain, device) else { continue }
            handleBackendNode(vif, key: nil)
        }
    }

    /// A removal of a parent is one event: every vif is looked for.
    private mutating func removeVanished() {
        for vif in vifs.keys.sorted() { handleBackendNode(vif, key: nil) }
    }

    private mutating func handleBackendNode(_ vif: VifID, key: String?) {
        // Everything else below a vif is our own writing, or read when it is needed.
        guard key == nil || key == "state" || key == "online" || key == "frontend" else { return }
        if vifs[vif] == nil {
            appear(vif)
            return
        }
        do throws(PlatformError) {
            try readBackendNode(vif)
        } catch {
            // What cannot be read is not gone: a vif that runs goes on.
            report(.error, vif, "its node cannot be read: \(error)")
        }
    }

    private mutating func readBackendNode(_ vif: VifID) throws(PlatformError) {
        let path = Self.path(vif)
        let stateText = try store.read("\(path)/state")
        if stateText == nil, try store.read("\(path)/frontend") == nil {
            perform(vifs[vif]?.machine.nodeRemoved() ?? [], on: vif)
            return
        }
        let isOnline = try store.read("\(path)/online") == "1"
        apply(.online(isOnline), to: vif)
        let state = XenbusState(text: stateText)
        guard let written = vifs[vif]?.lastWrittenState, state != .unknown else { return }
        // A toolstack that unplugs writes Closing, which may be what stands there already.
        if state != written || (state == .closing && !isOnline) {
            vifs[vif]?.lastWrittenState = state
            apply(.ownStateOverwritten(state), to: vif)
        }
    }

    private mutating func appear(_ vif: VifID) {
        let path = Self.path(vif)
        // The toolstack writes a device in one transaction: without a frontend it is not there yet.
        guard !isShuttingDown, let frontend = read("\(path)/frontend"),
            let stateText = read("\(path)/state")
        else { return }
        // The node is the toolstack's; still, a path of another domain would let one guest steer
        // another's vif.
        guard frontend.hasPrefix("/local/domain/\(vif.domain)/") else {
            report(.error, vif, "frontend=\(frontend) is not in domain \(vif.domain): ignored")
            return
        }
        guard vifs.count < limits.vifs else {
            report(.error, vif, "not served: the limit of \(limits.vifs) vifs is reached")
            return
        }
        let found = XenbusState(text: stateText)
        let (machine, actions) = VifStateMachine.start(at: found)
        vifs[vif] = Vif(machine: machine, frontendPath: frontend, lastWrittenState: found)
        report(.info, vif, "appeared frontend=\(frontend) state=\(found.rawValue)")
        perform(actions, on: vif)
        do throws(PlatformError) {
            try store.watch("\(frontend)/state", token: "\(vif)")
        } catch {
            report(.error, vif, "cannot watch \(frontend)/state: \(error)")
        }
        handleBackendNode(vif, key: nil)
    }

    private mutating func readFrontendState(of vif: VifID) {
        guard let path = vifs[vif]?.frontendPath else { return }
        do throws(PlatformError) {
            let text = try store.read("\(path)/state")
            apply(.frontendState(XenbusState(text: text)), to: vif)
        } catch {
            report(.error, vif, "\(path)/state cannot be read: \(error)")
        }
    }

    // MARK: what the state machine wants

    private mutating func apply(_ event: VifEvent, to vif: VifID) {
        perform(vifs[vif]?.machine.handle(event) ?? [], on: vif)
    }

    private mutating func perform(_ actions: [VifAction], on vif: VifID) {
        for action in actions {
            switch action {
            case .writeState(let state):
                writeState(state, of: vif)
            case .openQueues:
                openQueues(of: vif)
            case .closeQueues:
                closeQueues(of: vif)
            case .reportError(let reason):
                report(.warning, vif, "refused: \(reason)")
                writeError(vif, reason)
            case .reconfigure:
                report(.info, vif, "reconfigured")
            case .removeNode:
                removeNode(vif)
            case .forget:
                forget(vif)
            }
        }
    }

    private mutating func writeState(_ state: XenbusState, of vif: VifID) {
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
        vifs[vif]?.lastWrittenState = state
        write(vif, "\(path)/state", "\(state.rawValue)")
        report(.info, vif, "state=\(state.rawValue)")
    }

    private mutating func openQueues(of vif: VifID) {
        guard let known = vifs[vif] else { return }
        let generation = known.generation &+ 1
        vifs[vif]?.generation = generation
        vifs[vif]?.openFailure = nil
        do throws(VifConfigurationError) {
            let configuration = try VifConfiguration.read(
                frontend: known.frontendPath, maximumQueues: limits.queuesPerVif, from: &store)
            vifs[vif]?.openingQueues = Set(0..<UInt32(configuration.queues.count))
            let path = Self.path(vif)
            commands.append(
                .open(
                    VifConnection(
                        vif: vif, generation: generation, configuration: configuration,
                        bridge: read("\(path)/bridge"),
                        mtu: read("\(path)/mtu").flatMap(StoreNumber.parse),
                        interfaceName: read("\(path)/vifname"))))
        } catch {
            apply(.connectFailed("\(error)"), to: vif)
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
            commands.append(.close(vif: vif, generation: known.generation))
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
        _ = try? store.unwatch("\(known.frontendPath)/state", token: "\(vif)")
        report(.info, vif, "gone")
        // The toolstack may have plugged it in again meanwhile.
        if read("\(Self.path(vif))/state") == "\(XenbusState.initialising.rawValue)" { appear(vif) }
    }

    // MARK: small change

    private func isCurrent(_ queue: QueueID) -> Bool {
        vifs[queue.vif]?.generation == queue.generation
    }

    private mutating func report(_ level: ReportLevel, _ vif: VifID, _ message: String) {
        commands.append(.report(level, vif: vif, message: message))
    }

    private mutating func read(_ path: String) -> String? {
        (try? store.read(path)) ?? nil
    }

    private mutating func write(_ vif: VifID, _ path: String, _ value: String) {
        do throws(PlatformError) {
            try store.write(path, value)
        } catch {
            report(.error, vif, "cannot write \(path): \(error)")
        }
    }

    /// Where xenbus's error messages stand: `error/backend/vif/FE/DEV/error`.
    private mutating func writeError(_ vif: VifID, _ reason: String) {
        write(vif, "error/\(Self.path(vif))/error", reason)
    }

    private static func path(_ vif: VifID) -> String { "\(root)/\(vif.domain)/\(vif.device)" }

    private static func vif(_ domain: String, _ device: String) -> VifID? {
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
