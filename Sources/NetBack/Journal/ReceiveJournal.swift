// SPDX-License-Identifier: Apache-2.0
// Rx is the direction to the guest.
public import Netif
public import Ring
public import SharedMemory

/// The Rx half of a queue's journal.
///
/// Invariant, modulo 2^32: `rsp_prod <= done <= req_prod`, both at packet boundaries. Slots before
/// `done` have an answer here, and their data is in the guest's pages; only then the ring is
/// written.
public struct ReceiveJournal<Words: SharedWords> {
    @usableFromInline let words: Words
    @usableFromInline let first: Int
    /// Where the next answer goes.
    @usableFromInline var position = RingIndex(0)

    init(words: Words, first: Int) {
        self.words = words
        self.first = first
    }

    /// Caller: the worker. Answers follow from `start` on.
    @inlinable @inline(__always)
    public mutating func startAnswers(at start: RingIndex) { position = start }

    /// Caller: the worker. Keeps the next slot's answer.
    @inlinable @inline(__always)
    public mutating func stage(_ answer: SlotWords) {
        // relaxed: ordered by the release of `done`.
        words.writeSlot(answer, at: answerWord(position), count: ReceiveFormat.wordsPerResponse)
        position = position.next
    }

    /// Caller: the worker. The answers so far count.
    @inlinable @inline(__always)
    public func commit() {
        // release: the answers come first.
        words.storeRelease(position.rawValue, at: first + JournalLayout.receiveDone)
    }

    /// Caller: the worker, at the end of a step: what has been read from the port so far.
    @inlinable @inline(__always)
    public func note(frames: UInt32, bytes: UInt32) {
        words.storeRelaxed(frames, at: first + JournalLayout.receiveFrames)
        words.storeRelaxed(bytes, at: first + JournalLayout.receiveBytes)
    }

    /// The answer to the slot at an index before `done`.
    @inlinable @inline(__always)
    public func answer(at index: RingIndex) -> SlotWords {
        words.copySlot(at: answerWord(index), count: ReceiveFormat.wordsPerResponse)
    }

    /// Caller: the worker. The answers up to an index are in the ring, and shown.
    @inlinable @inline(__always)
    public func notePublished(_ index: RingIndex) {
        // release: the ring's own index comes first.
        words.storeRelease(index.rawValue, at: first + JournalLayout.receivePublished)
    }

    /// Up to where answers were published: `rsp_prod`, or `done` before it was noted here.
    @inlinable
    public var published: RingIndex {
        // acquire: pairs with the release in notePublished.
        RingIndex(words.loadAcquire(at: first + JournalLayout.receivePublished))
    }

    /// Up to where answers are kept.
    @inlinable
    public var done: RingIndex {
        @inline(__always) get {
            // acquire: pairs with the release in commit.
            RingIndex(words.loadAcquire(at: first + JournalLayout.receiveDone))
        }
    }

    /// Frames read from the port up to the last step's end.
    @inlinable
    public var frames: UInt32 { words.loadRelaxed(at: first + JournalLayout.receiveFrames) }

    /// Their bytes.
    public var bytes: UInt32 { words.loadRelaxed(at: first + JournalLayout.receiveBytes) }

    /// Whether the indices are such as a worker writes; see `TransmitJournal.isConsistent`.
    @inlinable
    public func isConsistent(rings: UInt32 = 1) -> Bool {
        let (published, done) = (published, done)
        return done.distance(from: published) <= rings * ReceiveFormat.slotCount
    }

    /// Starts at a ring's `rsp_prod`.
    public func reset(at index: RingIndex, frames: UInt32, bytes: UInt32) {
        note(frames: frames, bytes: bytes)
        words.storeRelaxed(index.rawValue, at: first + JournalLayout.receivePublished)
        words.storeRelease(index.rawValue, at: first + JournalLayout.receiveDone)
    }

    @inlinable @inline(__always)
    func answerWord(_ index: RingIndex) -> Int {
        let slot = index.slot(of: ReceiveFormat.slotCount)
        return first + JournalLayout.receiveAnswers + slot + slot
    }
}

extension ReceiveJournal: Sendable where Words: Sendable {}
