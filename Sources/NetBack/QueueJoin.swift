// SPDX-License-Identifier: Apache-2.0

/// Makes one queue of two halves, for a control plane that knows queues alone: opened when both
/// are, closed when both are, and what befalls one half ends the other.
public struct QueueJoin {
    /// What is to be done next.
    public enum Answer: Equatable, Sendable {
        /// Tell the control plane.
        case event(QueueEvent)
        /// Have the half's worker close it.
        case close(QueueHalf)
        /// Have the half's worker end its ring work.
        case disable(QueueHalf)
        /// What both halves did, by now or in all.
        case statistics(QueueID, QueueStatistics, isFinal: Bool)
    }

    private enum Phase { case opening, open, closing, gone }

    private struct Queue {
        var phases: [QueueDirection: Phase] = [.transmit: .opening, .receive: .opening]
        /// Why it could not be opened.
        var failure: String?
        /// The control plane asked for the end.
        var isEnding = false
        var isDisabled = false
        /// What the halves that are gone did.
        var past = QueueStatistics()
        /// What the halves last told when they were asked.
        var told: [QueueDirection: QueueStatistics] = [:]
    }

    private var queues: [QueueID: Queue] = [:]

    /// Knows no queue.
    public init() {}

    /// Notes that both halves of a queue have been given to workers.
    public mutating func open(_ id: QueueID) { queues[id] = Queue() }

    /// Names a queue anew.
    public mutating func rename(_ id: QueueID, to renamed: QueueID) {
        if let queue = queues.removeValue(forKey: id) { queues[renamed] = queue }
    }

    /// Ends a queue; nil if it is not known, because it never was or because it is gone.
    public mutating func close(_ id: QueueID) -> [Answer]? {
        guard queues[id] != nil else { return nil }
        queues[id]?.isEnding = true
        return close(QueueHalf(id, .transmit)) + close(QueueHalf(id, .receive))
    }

    /// Forgets what halves told earlier: they are about to be asked again.
    public mutating func forgetTold() {
        for id in queues.keys { queues[id]?.told = [:] }
    }

    /// Takes what a half did so far.
    public mutating func take(_ half: QueueHalf, _ statistics: QueueStatistics) -> [Answer] {
        queues[half.id]?.told[half.direction] = statistics
        guard let told = queues[half.id]?.told, var sum = told[.transmit],
            let receive = told[.receive]
        else { return [] }
        queues[half.id]?.told = [:]
        sum.add(receive)
        return [.statistics(half.id, sum, isFinal: false)]
    }

    /// Takes what a worker said of a half.
    public mutating func take(_ event: HalfEvent) -> [Answer] {
        switch event {
        case .opened(let half):
            guard queues[half.id]?.phases[half.direction] == .opening else { return [] }
            queues[half.id]?.phases[half.direction] = .open
            let isWhole = queues[half.id]?.phases[half.other.direction] == .open
            return isWhole ? [.event(.opened(half.id))] : []
        case .openFailed(let half, let reason):
            guard let queue = queues[half.id] else { return [] }
            queues[half.id]?.failure = queue.failure ?? reason
            queues[half.id]?.phases[half.direction] = .gone
            return close(half.other) + finish(half.id)
        case .closed(let half, let statistics):
            guard queues[half.id] != nil else { return [] }
            if let statistics { queues[half.id]?.past.add(statistics) }
            queues[half.id]?.phases[half.direction] = .gone
            return finish(half.id)
        case .disabled(let half, let fault):
            guard let queue = queues[half.id], !queue.isDisabled else { return [] }
            queues[half.id]?.isDisabled = true
            return [.event(.disabled(half.id, fault: fault)), .disable(half.other)]
        }
    }

    private mutating func close(_ half: QueueHalf) -> [Answer] {
        let phase = queues[half.id]?.phases[half.direction]
        guard phase == .opening || phase == .open else { return [] }
        queues[half.id]?.phases[half.direction] = .closing
        return [.close(half)]
    }

    private mutating func finish(_ id: QueueID) -> [Answer] {
        guard let queue = queues[id], queue.phases.values.allSatisfy({ $0 == .gone }) else {
            return []
        }
        queues[id] = nil
        if let failure = queue.failure {
            let failed = Answer.event(.openFailed(id, reason: failure))
            return queue.isEnding ? [failed, .event(.closed(id))] : [failed]
        }
        return [.statistics(id, queue.past, isFinal: true), .event(.closed(id))]
    }
}
