// SPDX-License-Identifier: Apache-2.0
public import Heartbeat
public import Ring
public import SharedMemory

/// What a worker is in the middle of: one page of the journal.
///
/// A step begins before the first frame is read or written and ends when its answers are
/// published. The frames that a step read from a port stay in memory that the successor maps too:
/// they are the *pool*, and their sizes stand here.
public struct WorkerJournal<Words: SharedWords> {
    @usableFromInline let words: Words
    @usableFromInline let first: Int
    let queueCount: Int

    init(words: Words, first: Int, queueCount: Int) {
        self.words = words
        self.first = first
        self.queueCount = queueCount
    }

    /// Caller: the worker. A step of a half begins at `base`, the half's `done` index.
    @inlinable @inline(__always)
    public func begin(_ half: JournalHalf, at base: RingIndex, frames: UInt32, bytes: UInt32 = 0) {
        // relaxed: nobody looks until this thread is dead; the release keeps the compiler's order.
        words.storeRelaxed(base.rawValue, at: first + JournalLayout.stepBase)
        words.storeRelaxed(frames, at: first + JournalLayout.framesBefore)
        words.storeRelaxed(bytes, at: first + JournalLayout.bytesBefore)
        words.storeRelaxed(0, at: first + JournalLayout.poolCount)
        // release: the fields above come first, in a dead process's memory too.
        words.storeRelease(half.rawValue, at: first + JournalLayout.active)
    }

    /// Caller: the worker. A frame of `size` bytes lies in the pool behind those before.
    @inlinable @inline(__always)
    public func keep(frame number: Int, size: Int) {
        precondition(number < JournalLayout.poolFramesMax, "a frame more than the pool holds")
        words.storeRelaxed(
            UInt32(truncatingIfNeeded: size), at: first + JournalLayout.poolSizes + number)
        // release: the size comes first.
        words.storeRelease(
            UInt32(truncatingIfNeeded: number + 1), at: first + JournalLayout.poolCount)
    }

    /// Caller: the worker. What the step did is published, and nothing of it is left to be done.
    @inlinable @inline(__always)
    public func end() {
        // release: everything of the step comes first.
        words.storeRelease(0, at: first + JournalLayout.active)
    }

    /// Bytes of a frame of the pool, as kept.
    @inlinable @inline(__always)
    public func frameSize(_ number: Int) -> Int {
        precondition(number < JournalLayout.poolFramesMax, "a frame more than the pool holds")
        return Int(words.loadRelaxed(at: first + JournalLayout.poolSizes + number))
    }

    // MARK: what a successor reads

    /// A step that did not end.
    public struct Step: Equatable, Sendable {
        /// Of which half.
        public var half: JournalHalf
        /// Where the half stood when it began.
        public var base: RingIndex
        /// Frames that had passed the port before.
        public var framesBefore: UInt32
        /// Bytes that had been read from the port before.
        public var bytesBefore: UInt32
        /// Frames in the pool.
        public var poolCount: Int
    }

    /// The step in which the last owner died; nil when it died between steps, or when what stands
    /// here means nothing.
    public var unfinishedStep: Step? {
        // acquire: pairs with the release in begin.
        let active = words.loadAcquire(at: first + JournalLayout.active)
        guard let half = JournalHalf(rawValue: active, slotCount: queueCount) else { return nil }
        let count = words.loadRelaxed(at: first + JournalLayout.poolCount)
        return Step(
            half: half, base: RingIndex(words.loadRelaxed(at: first + JournalLayout.stepBase)),
            framesBefore: words.loadRelaxed(at: first + JournalLayout.framesBefore),
            bytesBefore: words.loadRelaxed(at: first + JournalLayout.bytesBefore),
            poolCount: Int(count) <= JournalLayout.poolFramesMax ? Int(count) : 0)
    }

    /// Caller: a successor, once. Notes in which step its predecessor died.
    ///
    /// - Returns: how many have died in a step of this half at this place, one after the other.
    public func noteDeath(in step: Step) -> Int {
        let isSame =
            words.loadRelaxed(at: first + JournalLayout.deathHalf) == step.half.rawValue
            && words.loadRelaxed(at: first + JournalLayout.deathBase) == step.base.rawValue
        let before = isSame ? words.loadRelaxed(at: first + JournalLayout.deathCount) : 0
        let count = before < .max ? before + 1 : before
        words.storeRelaxed(step.half.rawValue, at: first + JournalLayout.deathHalf)
        words.storeRelaxed(step.base.rawValue, at: first + JournalLayout.deathBase)
        words.storeRelaxed(count, at: first + JournalLayout.deathCount)
        return Int(count)
    }

    /// Caller: a successor that has survived the step in which its predecessor died: whatever ends
    /// it later is another matter.
    public func forgetDeaths() {
        words.storeRelaxed(0, at: first + JournalLayout.deathCount)
    }

    // MARK: who may write

    /// The lease on the worker's rings.
    public var lease: Lease<Words> { Lease(words: words, word: first + JournalLayout.lease) }

    /// The word, of the whole journal, at which the worker's lock starts.
    public var lockWord: Int { first + JournalLayout.lock }

    /// Caller: the worker, when it begins to serve. Says which thread it is, and since when.
    public func note(process: Int32, thread: Int32, since nanoseconds: UInt64) {
        words.storeRelaxed(
            UInt32(truncatingIfNeeded: nanoseconds), at: first + JournalLayout.servesSince)
        let high = UInt32(truncatingIfNeeded: nanoseconds >> 32)
        words.storeRelaxed(high, at: first + JournalLayout.servesSince + 1)
        words.storeRelaxed(UInt32(bitPattern: process), at: first + JournalLayout.process)
        words.storeRelaxed(UInt32(bitPattern: thread), at: first + JournalLayout.thread)
    }

    /// The thread that serves, as it said.
    public var owner: (process: Int32, thread: Int32) {
        (
            Int32(bitPattern: words.loadRelaxed(at: first + JournalLayout.process)),
            Int32(bitPattern: words.loadRelaxed(at: first + JournalLayout.thread))
        )
    }

    /// Since when the thread serves, in nanoseconds of the monotonic clock.
    public var servesSince: UInt64 {
        UInt64(words.loadRelaxed(at: first + JournalLayout.servesSince))
            | UInt64(words.loadRelaxed(at: first + JournalLayout.servesSince + 1)) << 32
    }

    /// How many backends have died in a step of the same half at the same place, one after the
    /// other, and of which half; nil for none.
    public var deaths: (half: JournalHalf, count: Int)? {
        let count = words.loadRelaxed(at: first + JournalLayout.deathCount)
        let raw = words.loadRelaxed(at: first + JournalLayout.deathHalf)
        guard count > 0, let half = JournalHalf(rawValue: raw, slotCount: queueCount) else {
            return nil
        }
        return (half, Int(count))
    }

    // MARK: faults on purpose

    /// What is to go wrong with the worker.
    @inlinable
    public var injectedFault: UInt32 {
        @inline(__always) get {
            words.loadRelaxed(at: first + JournalLayout.injectedFault)
        }
    }

    /// Makes something go wrong; 0 ends it.
    public func inject(_ fault: UInt32) {
        words.storeRelease(fault, at: first + JournalLayout.injectedFault)
    }
}

extension WorkerJournal: Sendable where Words: Sendable {}
