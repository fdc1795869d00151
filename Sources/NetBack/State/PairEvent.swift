// SPDX-License-Identifier: Apache-2.0
public import Platform
public import SharedMemory

/// Something that happened to a backend, kept in its shared memory for whoever asks later.
public struct PairEvent: Equatable, Sendable {
    /// What happened. The numbers are a format: they stand in memory and in saved reports.
    public enum Kind: UInt32, Sendable, CaseIterable {
        /// A backend, or a pair's parent, started. `text`: the domain that it serves.
        case started = 1
        /// A process of the pair started; `process` is its number.
        case memberStarted = 2
        /// The shadow holds everything and would take over.
        case standing = 3
        /// The process serves: every worker has its lock.
        case serving = 4
        /// The shadow gave the primary up. `begin`: when it was last seen alive; `text`: why.
        case givenUp = 5
        /// A process of the pair ended. `count`: 1 for the primary; `text`: of what.
        case ended = 6
        /// A worker took over. `begin`: when it had its lock; `end`: when its halves could be
        /// served; `count`: its halves; the half in whose step the last owner died, if any.
        case tookOver = 7
        /// A worker carried its first packet since it took over, at `begin`.
        case firstPacket = 8
        /// A half is served no more: backends died at the same request. `count`: how many.
        case isolated = 9
        /// What a predecessor left of a half could not be believed, and was answered with errors.
        case journalRefused = 10
        /// A queue is served.
        case opened = 11
        /// A queue is closed.
        case closed = 12
        /// A half does no more ring work: the guest broke a rule, or a service failed.
        case disabled = 13
        /// The primary was told to let go, on purpose.
        case handover = 14
        /// The primary cannot be killed: the domain must be restarted.
        case stuck = 15
        /// Somebody asked for a queue to be looked at, as if its guest had notified.
        case kicked = 16
        /// A crash report was written. `text`: its folder's name.
        case reported = 17
    }

    /// What happened, as it stands there; see `Kind`.
    public var rawKind: UInt32
    /// When, in nanoseconds of the monotonic clock.
    public var nanoseconds: UInt64
    /// The process that it is about.
    public var process: UInt32 = 0
    /// The worker that it is about.
    public var worker: Int?
    /// The vif that it is about.
    public var vif: VifID?
    /// The vif's queue.
    public var queue: UInt32 = 0
    /// Which half of that.
    public var direction: QueueDirection?
    /// A time, of which `Kind` says what it means; 0 for none.
    public var begin: UInt64 = 0
    /// The same.
    public var end: UInt64 = 0
    /// A number, of which `Kind` says what it means.
    public var count: UInt32 = 0
    /// 64 bytes at most are kept.
    public var text = ""

    /// An event without details.
    public init(_ kind: Kind, at nanoseconds: UInt64) {
        rawKind = kind.rawValue
        self.nanoseconds = nanoseconds
    }

    init(rawKind: UInt32, at nanoseconds: UInt64) {
        self.rawKind = rawKind
        self.nanoseconds = nanoseconds
    }

    /// What happened; nil for a number that this program does not know.
    public var kind: Kind? { Kind(rawValue: rawKind) }

    /// Says which half it is about.
    public mutating func name(_ half: QueueHalf) {
        vif = half.id.vif
        queue = half.id.index
        direction = half.direction
    }

    /// The same, of a half that the journal knows.
    public mutating func name(_ half: JournalHalf?, in journal: Journal<MappedWords>) {
        guard let half, half.slot < journal.queueCount,
            let id = journal.queue(half.slot).opening(slot: half.slot)?.id
        else { return }
        name(QueueHalf(id, half.direction))
    }
}
