// SPDX-License-Identifier: Apache-2.0
import NetBack
import Platform
import Ring
import SharedMemory

/// What the events of a pair come to, added up: the log itself forgets after 128 of them.
struct TakeoverHistory {
    private(set) var takeovers: UInt64 = 0
    private(set) var primaryDeaths: UInt64 = 0
    private(set) var givenUp: UInt64 = 0
    private(set) var handovers: UInt64 = 0
    private(set) var isolations: UInt64 = 0
    private(set) var disabledHalves: UInt64 = 0
    private(set) var reports: UInt64 = 0
    /// Events that were overwritten before they were read, or that died with their writer.
    private(set) var lost: UInt64 = 0
    /// From when a primary that was given up was last seen alive until it was given up.
    private(set) var detection = TakeoverHistogram()
    /// From a takeover's begin until the last of its workers carried a packet.
    private(set) var gap = TakeoverHistogram()

    /// The number of the next event.
    private var next = RingIndex(0)
    /// Who gave a primary up last, and when that primary was last seen alive.
    private var finding: (process: UInt32, begin: UInt64)?
    private var current: Takeover?

    /// One process that takes over.
    private struct Takeover {
        let process: UInt32
        let begin: UInt64
        /// Workers that have taken over.
        var workers: Set<Int> = []
        /// Those of them that have something to serve and have not carried a packet yet.
        var waiting: Set<Int> = []
        var lastPacket: UInt64?
        /// Its gap is known, or will never be.
        var isCounted = false
    }

    /// Takes what happened since the last call. Call it often enough, or events are lost.
    mutating func take(from log: EventLog<MappedWords>, workerCount: Int) {
        for (number, event) in log.events(since: next) {
            lost += UInt64(number.distance(from: next))
            next = number.next
            take(event, workerCount)
        }
    }

    private mutating func take(_ event: PairEvent, _ workerCount: Int) {
        switch event.kind {
        case .ended where event.count == 1 && event.text != "exit code 0": primaryDeaths += 1
        case .givenUp:
            givenUp += 1
            finding = (event.process, event.begin)
            detection.observe(Self.difference(event.nanoseconds, event.begin))
        case .tookOver: takeOver(event, workerCount)
        case .firstPacket: carry(event, workerCount)
        case .handover: handovers += 1
        case .isolated: isolations += 1
        case .disabled: disabledHalves += 1
        case .reported: reports += 1
        default: break
        }
    }

    private mutating func takeOver(_ event: PairEvent, _ workerCount: Int) {
        guard let worker = event.worker else { return }
        if current?.process != event.process {
            // Whoever has no traffic never has a first packet.
            countGap()
            takeovers += 1
            let begin = finding?.process == event.process ? finding?.begin : nil
            finding = nil
            current = Takeover(process: event.process, begin: begin ?? event.begin)
        }
        current?.workers.insert(worker)
        if event.count > 0 { current?.waiting.insert(worker) }
        countGapIfComplete(workerCount)
    }

    private mutating func carry(_ event: PairEvent, _ workerCount: Int) {
        guard let worker = event.worker, var takeover = current,
            takeover.process == event.process, takeover.waiting.remove(worker) != nil
        else { return }
        takeover.lastPacket = max(takeover.lastPacket ?? 0, event.begin)
        current = takeover
        countGapIfComplete(workerCount)
    }

    private mutating func countGapIfComplete(_ workerCount: Int) {
        guard let current, current.waiting.isEmpty, current.workers.count >= workerCount else {
            return
        }
        countGap()
    }

    private mutating func countGap() {
        guard let takeover = current, !takeover.isCounted else { return }
        if let last = takeover.lastPacket { gap.observe(Self.difference(last, takeover.begin)) }
        current?.isCounted = true
    }

    private static func difference(_ late: UInt64, _ early: UInt64) -> UInt64 {
        Instant(nanoseconds: late).nanoseconds(since: Instant(nanoseconds: early))
    }
}
