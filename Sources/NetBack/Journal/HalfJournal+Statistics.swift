// SPDX-License-Identifier: Apache-2.0
public import SharedMemory

// What a half did, kept where a successor and an inspector find it.
extension HalfJournal {
    /// Caller: the worker, at the end of a step. Keeps the counters of the half's direction.
    @inlinable
    public func keep(_ statistics: borrowing QueueStatistics) {
        switch direction {
        case .transmit:
            let base = JournalLayout.transmitStatistics
            keep(statistics.transmitPackets, base)
            keep(statistics.transmitBytes, base + 2)
            keep(statistics.transmitSlots, base + 4)
            keep(statistics.transmitInvalid, base + 6)
            keep(statistics.transmitCopyFailures, base + 8)
            keep(statistics.transmitRefused, base + 10)
            keep(statistics.transmitChecksumMended, base + 12)
            keep(statistics.notifications, base + 14)
            keep(statistics.events, base + 16)
        case .receive:
            let base = JournalLayout.receiveStatistics
            keep(statistics.receivePackets, base)
            keep(statistics.receiveBytes, base + 2)
            keep(statistics.receiveSlots, base + 4)
            keep(statistics.receiveCopyFailures, base + 6)
            keep(statistics.receiveOversized, base + 8)
            keep(statistics.receiveStarved, base + 10)
            keep(statistics.notifications, base + 14)
            keep(statistics.events, base + 16)
        }
    }

    /// The counters as last kept, the other direction's being zero.
    public var statistics: QueueStatistics {
        var read = QueueStatistics()
        switch direction {
        case .transmit:
            let base = JournalLayout.transmitStatistics
            read.transmitPackets = kept(base)
            read.transmitBytes = kept(base + 2)
            read.transmitSlots = kept(base + 4)
            read.transmitInvalid = kept(base + 6)
            read.transmitCopyFailures = kept(base + 8)
            read.transmitRefused = kept(base + 10)
            read.transmitChecksumMended = kept(base + 12)
            read.notifications = kept(base + 14)
            read.events = kept(base + 16)
        case .receive:
            let base = JournalLayout.receiveStatistics
            read.receivePackets = kept(base)
            read.receiveBytes = kept(base + 2)
            read.receiveSlots = kept(base + 4)
            read.receiveCopyFailures = kept(base + 6)
            read.receiveOversized = kept(base + 8)
            read.receiveStarved = kept(base + 10)
            read.notifications = kept(base + 14)
            read.events = kept(base + 16)
        }
        return read
    }

    @inlinable @inline(__always)
    func keep(_ value: UInt64, _ word: Int) {
        // relaxed: counters of one writer; a reader may find the halves of two values.
        words.storeRelaxed(UInt32(truncatingIfNeeded: value), at: first + word)
        words.storeRelaxed(UInt32(truncatingIfNeeded: value >> 32), at: first + word + 1)
    }

    /// A count that no half reaches is none of ours: to go on from there would end in an overflow.
    private func kept(_ word: Int) -> UInt64 {
        let read =
            UInt64(words.loadRelaxed(at: first + word))
            | UInt64(words.loadRelaxed(at: first + word + 1)) << 32
        return read < 1 << 60 ? read : 0
    }
}
