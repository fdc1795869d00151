// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import SharedMemory

/// A driver domain in memory: the control plane, a worker for each direction, and between them the
/// requests and replies that threads would exchange.
final class DriverDomain {
    static let id = DomainID(1)

    private enum Request {
        case open(QueueOpening, QueueDirection)
        case close(QueueHalf)
        case disable(QueueHalf)
    }

    /// A worker as its thread sees it.
    private struct Desk: ~Copyable {
        var worker: Worker<WatchedHypervisor, MemoryPort>
        var requests: [Request] = []
        let handles: WorkerHandles

        init(
            _ machine: Machine, _ log: HypervisorLog, number: Int, journal: Journal<MappedWords>
        ) throws {
            handles = WorkerHandles(try InProcessHypervisor(machine, domain: DriverDomain.id))
            worker = Worker(
                hypervisor: WatchedHypervisor(log: log, handles: handles), number: number,
                journal: journal,
                arena: PageArena(pageCount: WorkerScratch<MappedWords>.arenaPageCount))
        }
    }

    let log = HypervisorLog()
    /// What a successor would find.
    let memory = JournalMemory(workers: 2, queues: 64)
    let faults: StoreFaults
    var backend: Backend<FailingStore>
    private var transmitter: Desk
    private var receiver: Desk
    private var join = QueueJoin()
    /// Queues with one channel for both rings: both halves are the receiver's.
    private var unsplit: Set<QueueID> = []
    /// Where the frames of each vif go.
    private(set) var lines: [VifID: HostLine] = [:]
    /// What was said.
    private(set) var reports: [(level: ReportLevel, vif: VifID?, message: String)] = []
    /// What closed queues did.
    private(set) var finals: [(id: QueueID, statistics: QueueStatistics)] = []
    /// Connections that were asked for.
    private(set) var connections: [VifConnection] = []
    /// Most hypervisor operations of one turn.
    private(set) var operationsPerTurnMax = 0
    /// Queues that were to be closed, one entry for each time.
    private(set) var closes: [[QueueID]] = []
    /// The control thread's clock.
    var now: Instant
    /// Makes the new ports of these queues fail.
    var refusedPorts: Set<UInt32> = []
    private var replies: [HalfEvent] = []
    private var queues: [VifID: [QueueID]] = [:]
    private var numbers: [QueueID: Int] = [:]

    init(
        _ machine: Machine, _ store: EmulatedStore, limits: BackendLimits,
        at now: Instant = Instant(nanoseconds: 1)
    ) throws {
        self.now = now
        transmitter = try Desk(machine, log, number: 0, journal: memory.journal)
        receiver = try Desk(machine, log, number: 1, journal: memory.journal)
        faults = StoreFaults()
        backend = try Backend(
            store: FailingStore(InProcessStore(store, as: Self.id), faults), limits: limits,
            at: now)
    }

    /// Halves of queues that are open.
    var halfCount: Int { transmitter.worker.halfCount + receiver.worker.halfCount }

    /// The line of a vif, made when it is first asked for.
    func line(_ vif: VifID) -> HostLine {
        if let line = lines[vif] { return line }
        let line = HostLine()
        lines[vif] = line
        return line
    }

    /// Puts frames into the queue to a guest, as a TAP that becomes readable.
    func deliver(_ frames: [HostFrame], to vif: VifID) {
        for frame in frames { line(vif).queue(frame) }
        for id in queues[vif] ?? [] {
            if let number = numbers[id] { receiver.worker.portIsReadable(number) }
        }
    }

    /// What a vif did in all its connections.
    func statistics(of vif: VifID) -> QueueStatistics {
        var total = QueueStatistics()
        for (id, statistics) in finals where id.vif == vif { total.add(statistics) }
        transmitter.worker.forEachHalf { half, statistics in
            if half.id.vif == vif { total.add(statistics) }
        }
        receiver.worker.forEachHalf { half, statistics in
            if half.id.vif == vif { total.add(statistics) }
        }
        return total
    }

    /// What was said about a vif at some level.
    func reports(_ level: ReportLevel, of vif: VifID?) -> [String] {
        reports.filter { $0.level == level && $0.vif == vif }.map(\.message)
    }

    // MARK: the control thread

    /// One turn of the control thread; true when something was done.
    func controlStep(watchBudget: Int = 64) throws -> Bool {
        let readCount = faults.readCount
        let hasMore = backend.serveWatches(budget: watchBudget, at: now)
        let taken = replies
        replies = []
        for reply in taken { perform(join.take(reply)) }
        let hasPerformed = perform()
        return hasMore || !taken.isEmpty || hasPerformed || faults.readCount != readCount
    }

    var hasLostStore: Bool { !backend.store.isConnected }

    /// Connects to the store again.
    func reconnect(to store: EmulatedStore) throws {
        faults.isLost = false
        try backend.reconnect(FailingStore(InProcessStore(store, as: Self.id), faults))
    }

    private func perform() -> Bool {
        var isIdle = true
        var commands = backend.takeCommands()
        while !commands.isEmpty {
            isIdle = false
            for command in commands {
                switch command {
                case .open(let connection): open(connection)
                case .close(let ids):
                    closes.append(ids)
                    for id in ids {
                        if let answers = join.close(id) {
                            perform(answers)
                        } else {
                            backend.handle(.closed(id))
                        }
                    }
                case .report(let level, let vif, let message):
                    reports.append((level, vif, message))
                }
            }
            commands = backend.takeCommands()
        }
        return !isIdle
    }

    private func open(_ connection: VifConnection) {
        connections.append(connection)
        let ids = connection.configuration.queues.indices.map { index in
            QueueID(
                vif: connection.vif, index: UInt32(index), generation: connection.generation)
        }
        queues[connection.vif] = ids
        for (id, configuration) in zip(ids, connection.configuration.queues) {
            if refusedPorts.contains(id.index) {
                backend.handle(.openFailed(id, reason: "no port"))
                continue
            }
            let opening = QueueOpening(
                id: id, configuration: configuration,
                features: connection.configuration.features,
                frameSizeMax: Int(connection.mtu ?? 1500) + 22, slot: memory.takeSlot())
            memory.journal.queue(opening.slot).describe(opening, interfaceName: "test")
            join.open(id)
            if !configuration.isSplit { unsplit.insert(id) }
            post(.open(opening, .transmit), for: QueueHalf(id, .transmit))
            post(.open(opening, .receive), for: QueueHalf(id, .receive))
        }
    }

    private func post(_ request: Request, for half: QueueHalf) {
        if half.direction == .transmit && !unsplit.contains(half.id) {
            transmitter.requests.append(request)
        } else {
            receiver.requests.append(request)
        }
    }

    private func perform(_ answers: [QueueJoin.Answer]) {
        for answer in answers {
            switch answer {
            case .event(let event): backend.handle(event)
            case .statistics(let id, let statistics, let isFinal):
                if isFinal { finals.append((id, statistics)) }
            case .close(let half): post(.close(half), for: half)
            case .disable(let half): post(.disable(half), for: half)
            }
        }
    }

    // MARK: the workers' threads

    /// One turn of each worker; true when something was done or is left to be done.
    func workerStep() throws -> Bool {
        let isSending = try workerStep(.transmit)
        return try workerStep(.receive) || isSending
    }

    /// One turn of one worker.
    func workerStep(_ direction: QueueDirection) throws -> Bool {
        switch direction {
        case .transmit: try step(&transmitter)
        case .receive: try step(&receiver)
        }
    }

    private func step(_ desk: inout Desk) throws -> Bool {
        let operations = log.operationCount
        let taken = desk.requests
        desk.requests = []
        for request in taken { perform(request, &desk) }
        let before = log.operationCount
        try desk.worker.takeEvents()
        let hasMoreToSend = desk.worker.transmitTurn()
        let hasMoreToReceive = desk.worker.receiveTurn()
        operationsPerTurnMax = max(operationsPerTurnMax, log.operationCount - before)
        while let fault = desk.worker.takeFault() { replies.append(fault) }
        return hasMoreToSend || hasMoreToReceive || !taken.isEmpty
            || log.operationCount != operations || !replies.isEmpty
    }

    private func perform(_ request: Request, _ desk: inout Desk) {
        switch request {
        case .open(let opening, let direction):
            let half = QueueHalf(opening.id, direction)
            do throws(QueueFault) {
                let port = MemoryPort(line(opening.id.vif))
                switch direction {
                case .transmit: try desk.worker.openTransmit(opening, port: port)
                case .receive:
                    numbers[opening.id] = try desk.worker.openReceive(opening, port: port)
                }
                replies.append(.opened(half))
            } catch {
                replies.append(.openFailed(half, reason: "\(error)"))
            }
        case .close(let half):
            if half.direction == .receive { numbers[half.id] = nil }
            replies.append(.closed(half, desk.worker.close(half)))
        case .disable(let half): desk.worker.disable(half)
        }
    }

    /// Closes everything without a word.
    func closeAll() {
        transmitter.worker.closeAll()
        receiver.worker.closeAll()
    }

    /// Dies as a process does: what it mapped and bound is undone from outside, nothing is said.
    func die() {
        transmitter.handles.hypervisor = nil
        receiver.handles.hypervisor = nil
        // The memory of a dead process is not taken apart in order either.
        // SAFETY: never released, on purpose.
        _ = unsafe Unmanaged.passRetained(self)
    }
}
