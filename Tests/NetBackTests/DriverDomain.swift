// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform

/// A driver domain in memory: the control plane, one worker, and between them the requests and
/// replies that threads would exchange.
final class DriverDomain {
    static let id = DomainID(1)

    private enum Request {
        case open(QueueOpening)
        case close(QueueID)
    }

    let log: HypervisorLog
    let faults: StoreFaults
    var backend: Backend<FailingStore>
    var worker: Worker<WatchedHypervisor, MemoryPort>
    /// Where the frames of each vif go.
    private(set) var lines: [VifID: HostLine] = [:]
    /// What was said.
    private(set) var reports: [(level: ReportLevel, vif: VifID, message: String)] = []
    /// What closed queues did.
    private(set) var finals: [(id: QueueID, statistics: QueueStatistics)] = []
    /// Connections that were asked for.
    private(set) var connections: [VifConnection] = []
    /// Most hypervisor operations of one turn.
    private(set) var operationsPerTurnMax = 0
    /// Makes every new port fail.
    var refusesPorts = false
    private var requests: [Request] = []
    private var replies: [QueueEvent] = []
    private var queues: [VifID: [QueueID]] = [:]
    private var numbers: [QueueID: Int] = [:]
    private var hasMoreWork = false

    init(_ machine: Machine, _ store: EmulatedStore, limits: BackendLimits) throws {
        log = HypervisorLog(try InProcessHypervisor(machine, domain: Self.id))
        faults = StoreFaults()
        backend = try Backend(
            store: FailingStore(InProcessStore(store, as: Self.id), faults), limits: limits)
        worker = Worker(hypervisor: WatchedHypervisor(log: log))
    }

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
            if let number = numbers[id] { worker.portIsReadable(number) }
        }
    }

    /// What a vif did in all its connections.
    func statistics(of vif: VifID) -> QueueStatistics {
        var total = QueueStatistics()
        for (id, statistics) in finals where id.vif == vif { total.add(statistics) }
        worker.forEachQueue { id, statistics in
            if id.vif == vif { total.add(statistics) }
        }
        return total
    }

    /// What was said about a vif at some level.
    func reports(_ level: ReportLevel, of vif: VifID) -> [String] {
        reports.filter { $0.level == level && $0.vif == vif }.map(\.message)
    }

    // MARK: the control thread

    /// One turn of the control thread; true when something was done.
    func controlStep(watchBudget: Int = 64) throws -> Bool {
        let readCount = faults.readCount
        let hasMore = try backend.serveWatches(budget: watchBudget)
        let taken = replies
        replies = []
        for reply in taken { backend.handle(reply) }
        let hasPerformed = perform()
        return hasMore || !taken.isEmpty || hasPerformed || faults.readCount != readCount
    }

    private func perform() -> Bool {
        var isIdle = true
        var commands = backend.takeCommands()
        while !commands.isEmpty {
            isIdle = false
            for command in commands {
                switch command {
                case .open(let connection): open(connection)
                case .close(let vif, _):
                    for id in queues.removeValue(forKey: vif) ?? [] {
                        requests.append(.close(id))
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
            if refusesPorts {
                backend.handle(.openFailed(id, reason: "no port"))
                continue
            }
            requests.append(
                .open(
                    QueueOpening(
                        id: id, configuration: configuration,
                        features: connection.configuration.features,
                        frameSizeMax: Int(connection.mtu ?? 1500) + 22)))
        }
    }

    // MARK: the worker's thread

    /// One turn of the worker; true when something was done or is left to be done.
    func workerStep() throws -> Bool {
        let operations = log.operationCount
        let taken = requests
        requests = []
        for request in taken { perform(request) }
        let before = log.operationCount
        try worker.takeEvents()
        hasMoreWork = worker.turn()
        operationsPerTurnMax = max(operationsPerTurnMax, log.operationCount - before)
        while let fault = worker.takeFault() { replies.append(fault) }
        return hasMoreWork || !taken.isEmpty || log.operationCount != operations
            || !replies.isEmpty
    }

    private func perform(_ request: Request) {
        switch request {
        case .open(let opening):
            do throws(QueueFault) {
                numbers[opening.id] = try worker.open(
                    opening, port: MemoryPort(line(opening.id.vif)))
                replies.append(.opened(opening.id))
            } catch {
                replies.append(.openFailed(opening.id, reason: "\(error)"))
            }
        case .close(let id):
            numbers[id] = nil
            if let statistics = worker.close(id) { finals.append((id, statistics)) }
            replies.append(.closed(id))
        }
    }

    /// Dies as a process does: what it mapped and bound is undone from outside, nothing is said.
    func die() {
        log.hypervisor = nil
        // The memory of a dead process is not taken apart in order either.
        // SAFETY: never released, on purpose.
        _ = unsafe Unmanaged.passRetained(self)
    }
}

extension QueueStatistics {
    /// Adds another queue's counters.
    mutating func add(_ other: QueueStatistics) {
        transmitPackets += other.transmitPackets
        transmitBytes += other.transmitBytes
        transmitSlots += other.transmitSlots
        transmitInvalid += other.transmitInvalid
        transmitCopyFailures += other.transmitCopyFailures
        transmitRefused += other.transmitRefused
        transmitChecksumMended += other.transmitChecksumMended
        receivePackets += other.receivePackets
        receiveBytes += other.receiveBytes
        receiveSlots += other.receiveSlots
        receiveCopyFailures += other.receiveCopyFailures
        receiveOversized += other.receiveOversized
        receiveStarved += other.receiveStarved
        notifications += other.notifications
        events += other.events
    }
}
