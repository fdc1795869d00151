// SPDX-License-Identifier: Apache-2.0
internal import Netif
internal import Ring
internal import SharedMemory

/// Judges a backend by the rules of real netfronts: counts breaches, remembers the fatal one.
public struct FrontendOracle: Sendable {
    /// The first breach for which Linux's netfront would have disabled the vif.
    public private(set) var broken: FrontendViolation?
    /// The first breach that another frontend than Linux's would not have survived.
    public private(set) var firstIncompatible: FrontendViolation?
    /// The first breach that cost a packet.
    public private(set) var firstDropped: FrontendViolation?
    private var counts = InlineArray<32, UInt64>(repeating: 0)

    /// Starts without a breach.
    public init() {
        precondition(FrontendRule.allCases.count <= counts.count, "more rules than counters")
    }

    /// How often a rule was broken.
    public func count(of rule: FrontendRule) -> UInt64 { counts[rule.rawValue] }

    /// How often rules of a severity were broken.
    public func count(of severity: FrontendRule.Severity) -> UInt64 {
        FrontendRule.allCases.reduce(0) { $1.severity == severity ? $0 + count(of: $1) : $0 }
    }

    /// Notes a breach.
    mutating func note(
        _ rule: FrontendRule, on ring: FrontendRing, at index: RingIndex, value: Int,
        bound: Int = 0
    ) {
        counts[rule.rawValue] += 1
        let violation = FrontendViolation(
            rule: rule, ring: ring, index: index.rawValue, value: value, bound: bound)
        switch rule.severity {
        case .broken: if broken == nil { broken = violation }
        case .incompatible: if firstIncompatible == nil { firstIncompatible = violation }
        case .dropped: if firstDropped == nil { firstDropped = violation }
        }
    }

    /// How many responses may be taken; nil when `rsp_prod` is impossible, and the vif broken.
    ///
    /// `seen` is the `rsp_prod` of the last look, which must never be passed backwards.
    mutating func unconsumedResponses<Format: RingFormat>(
        of front: borrowing FrontRing<MappedWords, Format>, on ring: FrontendRing,
        seen: inout RingIndex
    ) -> UInt32? {
        let consumer = front.responseConsumer
        let seenCount = seen.distance(from: consumer)
        do throws(RingFault) {
            let count = try front.unconsumedResponseCount()
            guard count >= seenCount else {
                note(
                    .responsesMovedBack, on: ring, at: consumer, value: Int(seenCount - count))
                return nil
            }
            seen = consumer.advanced(by: count)
            return count
        } catch {
            guard case .producerOverrun(let producer, _, _) = error else { return nil }
            let back = consumer.distance(from: producer)
            if back <= Format.slotCount {
                note(.responsesMovedBack, on: ring, at: consumer, value: Int(back))
            } else {
                note(
                    .responsesOverrun, on: ring, at: consumer,
                    value: Int(producer.distance(from: consumer)),
                    bound: Int(front.publishedRequests.distance(from: consumer)))
            }
            return nil
        }
    }
}
