// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import TestSupport

/// What one queue's guest and host have against its backends, once nothing moves any more. It looks
/// at the guest, the host and the rings alone.
struct Judge {
    private let queue: SimulatedQueue
    private let line: HostLine
    private let crashCount: Int
    private(set) var violations: [String] = []

    /// A queue that `isEnded` for a good reason may leave things undone, but not do them wrong.
    init(
        _ queue: SimulatedQueue, _ line: HostLine, crashCount: Int, isEnded: Bool = false
    ) {
        self.queue = queue
        self.line = line
        self.crashCount = crashCount
        violations = queue.checker.violations
        // Wake-ups: nobody waits for ever, and there was no timer to help.
        if !isEnded, queue.checker.unansweredCount > 0 || !queue.hasSentAll {
            violations.append("wake-up: \(queue.checker.unansweredCount) requests wait for ever")
        }
        // The rules of real frontends.
        for violation in [queue.oracle.broken, queue.oracle.firstIncompatible] {
            if let violation { violations.append("frontend: \(violation)") }
        }
        if let dropped = queue.oracle.firstDropped,
            dropped.rule != .receiveErrorStatus || queue.scenario.ungranted.isEmpty
        {
            violations.append("frontend: \(dropped)")
        }
        judgeHost(isEnded)
        judgeGuest(isEnded)
    }

    /// Exactly once where the host counts; else whatever a step held may come once more for each
    /// crash, from some packet on and in order.
    private mutating func judgeHost(_ isEnded: Bool) {
        let sent = queue.sent.filter(\.isForwarded)
        let order = line.fromGuest.map(\.number)
        for frame in line.fromGuest {
            let packet = sent.first { $0.number == frame.number }
            if packet?.frame.isSame(as: frame) != true {
                violations.append("R2: frame \(frame.number) is not what the guest sent")
            }
        }
        var (next, previous) = (0, -1)
        var (restarts, duplicates) = (0, 0)
        for value in order {
            guard let place = sent.firstIndex(where: { $0.number == value }) else { continue }
            if place > next {
                violations.append("order: \(value) came before \(sent[next].number)")
            }
            if place < next { duplicates += 1 }
            if place <= previous { restarts += 1 }
            previous = place
            next = max(next, place + 1)
        }
        if restarts > crashCount {
            violations.append("\(restarts) restarts at the host: \(order)")
        }
        if next < sent.count, !isEnded {
            violations.append("lost at the host: \(sent[next].number)")
        }
        // What the host refuses it does not count, so each refusal may hide a frame that it took.
        let most =
            queue.scenario.tellsTraffic
            ? crashCount * line.refused.count : crashCount * 64
        if duplicates > most {
            violations.append("\(duplicates) frames twice at the host, \(most) allowed: \(order)")
        }
    }

    private mutating func judgeGuest(_ isEnded: Bool) {
        let received = queue.received
        var expected = queue.expected[...]
        var lostCount = 0
        for frame in received {
            while let first = expected.first, first.number != frame.number {
                expected.removeFirst()
                lostCount += 1
            }
            guard let first = expected.popFirst() else {
                violations.append("R4: frame \(frame.number) came twice or out of order")
                continue
            }
            if !first.frame.isSame(as: frame) {
                violations.append("R2: frame \(frame.number) is not what the host sent")
            }
        }
        lostCount += isEnded ? 0 : expected.count
        // A frame without a buffer that is granted is lost, whoever serves.
        let most =
            queue.scenario.ungranted.count
            + (queue.scenario.tellsTraffic ? 0 : crashCount)
        let least = crashCount == 0 ? queue.scenario.ungranted.count : 0
        if lostCount > most || !isEnded && lostCount < least {
            violations.append(
                "\(lostCount) frames lost for the guest, \(least) to \(most) allowed: "
                    + "\(received.map(\.number))")
        }
    }
}
