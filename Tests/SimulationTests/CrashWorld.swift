// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import SharedMemory
import TestSupport

@testable import NetBack

/// A guest, a host and one backend after the other over the same memory, in one thread.
final class CrashWorld {
    let scenario: Scenario
    let stage: CrashStage
    let bells: Bells
    let lines: [HostLine]
    private(set) var queues: [SimulatedQueue] = []
    private var undelivered: [ArraySlice<ReceiveCase>]
    /// Effects of each life.
    private(set) var effectCounts: [Int] = []
    private(set) var crashCount = 0
    private(set) var found = LifeFindings()
    private(set) var faults: [QueueFault] = []
    private(set) var isAtRest = false
    private var hasOpenStep = false

    init(_ scenario: Scenario, on stage: CrashStage) throws {
        self.scenario = scenario
        self.stage = stage
        stage.clear(rings: scenario.start)
        bells = Bells(queueCount: scenario.queueCount)
        lines = (0..<scenario.queueCount).map { _ in HostLine() }
        undelivered = []
        for number in 0..<scenario.queueCount {
            let queue = try SimulatedQueue(
                number, label: number, stage.machine, guest: CrashStage.guest, scenario, bells)
            queues.append(queue)
            undelivered.append(queue.cases[...])
            lines[number].tellsTraffic = scenario.tellsTraffic
            lines[number].refused = queue.refusedNumbers
        }
    }

    func opening(_ number: Int) -> QueueOpening {
        QueueOpening(
            id: QueueID(
                vif: VifID(domain: CrashStage.guest, device: 0), index: UInt32(number),
                generation: 1),
            configuration: QueueConfiguration(
                transmitRing: GrantReference(8), receiveRing: GrantReference(9),
                transmitPort: EventChannelPort(1), receivePort: EventChannelPort(2)),
            features: scenario.features, frameSizeMax: scenario.frameSizeMax, slot: number)
    }

    /// Plays the scenario to its end; life after life ends at the effects of `crashes`.
    func play(crashes: [Int]) throws {
        var remaining = crashes[...]
        var life = try Life(self, clock: CrashClock(), isFirst: true)
        arm(life.clock, remaining.popFirst(), past: life.clock.count)
        for _ in 0..<10_000 {
            var isIdle = true
            if deliver() { isIdle = false }
            for queue in queues where try queue.act(polls: scenario.isEager) { isIdle = false }
            if life.turn() { isIdle = false }
            if life.isInStep { hasOpenStep = true }
            while life.clock.isDead {
                isIdle = false
                end(life)
                crashCount += 1
                // What is visible now is what a guest may act on before anybody takes over.
                for queue in queues {
                    queue.hideRefusals()
                    queue.look()
                    _ = try queue.act(polls: scenario.isEager)
                }
                let clock = CrashClock()
                life = try Life(self, clock: clock, isFirst: false)
                arm(clock, remaining.popFirst(), past: 0)
                life.takeOver()
                for queue in queues { queue.look() }
            }
            if isIdle {
                isAtRest = true
                break
            }
        }
        end(life)
    }

    private func end(_ life: Life) {
        effectCounts.append(life.clock.count - armedAt)
        found.sentBefore += life.found.sentBefore
        found.recovered += life.found.recovered
        found.faults += life.found.faults
        faults += life.faults
    }

    private var armedAt = 0

    private func arm(_ clock: CrashClock, _ crash: Int?, past count: Int) {
        armedAt = count
        clock.crashAt = crash.map { $0 + count }
        guard scenario.isEager else { return }
        let queues = queues
        clock.afterEffect = {
            for queue in queues { _ = try? queue.act(polls: true) }
        }
    }

    private func deliver() -> Bool {
        var isIdle = true
        for number in lines.indices {
            for receive in undelivered[number].prefix(scenario.burst) {
                lines[number].queue(receive.frame)
                isIdle = false
            }
            undelivered[number] = undelivered[number].dropFirst(scenario.burst)
        }
        return !isIdle
    }

    /// What is to be said against the backends, once the world has come to rest.
    var violations: [String] {
        var found = queues.indices.flatMap { number in
            Judge(queues[number], lines[number], crashCount: crashCount).violations
        }
        if !isAtRest { found.append("the world never comes to rest") }
        if hasOpenStep { found.append("a step did not end with its turn") }
        for fault in faults { found.append("an honest guest's half ended: \(fault)") }
        for fault in self.found.faults { found.append("emergency answers: \(fault)") }
        return found
    }
}
