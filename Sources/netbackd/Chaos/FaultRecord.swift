// SPDX-License-Identifier: Apache-2.0

/// What became of one fault.
struct FaultRecord: Sendable {
    var fault: PlannedFault
    var injectedAt: UInt64
    var news = PairLog.News()
    /// When a new shadow stood by again, as far as the log was read; nil if none did in time.
    var standingAt: UInt64?
    /// The longest time between two packets of one flow that overlaps the takeover.
    var gap: UInt64 = 0
    /// The longest time that a packet was under way from the fault to the next.
    var delay: UInt64 = 0
    var tcp = TCPCounters()
    /// Lost, duplicated, reordered and damaged packets: from guests, and to guests.
    var anomalies: [SequenceCheck.Anomaly.Kind: (transmit: Int, receive: Int)] = [:]

    /// Both workers serve: what the takeover took, in steps.
    struct Phases {
        /// From the fault to the moment when it was known: the locks were free, or the shadow had
        /// given the primary up.
        var detection: UInt64
        /// From there until nobody else can touch a ring: the last lock was had. Nil where knowing
        /// is having the lock.
        var fencing: UInt64?
        /// From there until every half could be served.
        var resumption: UInt64
        /// From the fault to the first packet, of whichever worker.
        var firstPacket: UInt64?
        /// From the fault to the first packet of the worker that was the last to carry one.
        var bothWays: UInt64?
    }

    /// Nil when there was no takeover.
    var phases: Phases? {
        guard let locked = news.starts.map(\.lockedAt).max(),
            let ready = news.starts.map(\.readyAt).max(), locked > injectedAt
        else { return nil }
        let givenUp = news.givenUp.first?.at
        let known = min(locked, max(givenUp ?? locked, injectedAt))
        let packets = news.firstPackets.map { $0.at - min($0.at, injectedAt) }
        return Phases(
            detection: known - injectedAt, fencing: givenUp.map { _ in locked - known },
            resumption: ready - min(ready, locked),
            firstPacket: packets.min(), bothWays: packets.max())
    }

    /// The time in which packets may have waited for the takeover.
    var takeoverEnd: UInt64 { news.starts.map(\.readyAt).max() ?? injectedAt + 1_000_000 }

    /// Whether the takeover that was to happen did.
    var isMissing: Bool {
        fault.kind.isTakeover && (news.primaries.isEmpty || standingAt == nil)
    }

    /// Takeovers beyond the one that was asked for.
    var falseTakeovers: Int {
        let expected = fault.kind.isTakeover ? 1 : 0
        let isHang = fault.kind == .stop || fault.kind == .hang
        // A primary that is given up where a kill or handover was under way is a second reason.
        return max(0, news.primaries.count - expected) + (isHang ? 0 : news.givenUp.count)
    }

    /// Takes what flows saw since the fault.
    mutating func take(_ arrivals: [NumberedFlow.Arrival]) {
        var previous: UInt64?
        for arrival in arrivals {
            if let previous, arrival.at > injectedAt, previous < takeoverEnd {
                gap = max(gap, arrival.at - previous)
            }
            if arrival.at > injectedAt { delay = max(delay, arrival.delay) }
            previous = arrival.at
        }
    }

    mutating func add(_ anomaly: SequenceCheck.Anomaly, isTransmit: Bool) {
        var counts = anomalies[anomaly.kind] ?? (0, 0)
        if isTransmit { counts.transmit += 1 } else { counts.receive += 1 }
        anomalies[anomaly.kind] = counts
    }

    func count(_ kind: SequenceCheck.Anomaly.Kind) -> (transmit: Int, receive: Int) {
        anomalies[kind] ?? (0, 0)
    }
}
