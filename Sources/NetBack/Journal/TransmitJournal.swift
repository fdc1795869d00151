// SPDX-License-Identifier: Apache-2.0
// Tx is the guest's direction.
public import Netif
public import Ring
public import SharedMemory

/// The Tx half of a queue's journal: where its packets stand between the ring and the port.
///
/// Invariant, modulo 2^32: `rsp_prod <= done <= intended <= req_prod`, all at packet boundaries.
/// Slots before `done` have an answer here, and are written into the ring only afterwards; slots
/// from `done` on are as the guest wrote them. Packets in `done..<intended` may have been handed to
/// the port.
public struct TransmitJournal<Words: SharedWords>: AnswerSink {
    @usableFromInline let words: Words
    @usableFromInline let first: Int
    /// Where the next answer goes.
    @usableFromInline var position = RingIndex(0)

    init(words: Words, first: Int) {
        self.words = words
        self.first = first
    }

    /// Caller: the worker, before the port gets the frames of a step.
    @inlinable @inline(__always)
    public func intend(upTo end: RingIndex) {
        // release: comes before the system call in a dead process's memory.
        words.storeRelease(end.rawValue, at: first + JournalLayout.intended)
    }

    /// Caller: the worker. Answers follow from `start` on.
    @inlinable @inline(__always)
    public mutating func startAnswers(at start: RingIndex) { position = start }

    /// Caller: the worker. Keeps the next slot's answer.
    @inlinable @inline(__always)
    public mutating func stage(_ answer: SlotWords) {
        // relaxed: ordered by the release of `done`.
        words.storeRelaxed(answer.word0, at: answerWord(position))
        position = position.next
    }

    /// Caller: the worker. The answers so far count; `frames` have passed the port.
    @inlinable @inline(__always)
    public func commit(frames: UInt32) {
        words.storeRelaxed(frames, at: first + JournalLayout.transmitFrames)
        // release: the answers come first.
        words.storeRelease(position.rawValue, at: first + JournalLayout.transmitDone)
    }

    /// The answer to the slot at an index before `done`.
    @inlinable @inline(__always)
    public func answer(at index: RingIndex) -> SlotWords {
        SlotWords(words.loadRelaxed(at: answerWord(index)))
    }

    /// Caller: the worker. The answers up to an index are in the ring, and shown.
    @inlinable @inline(__always)
    public func notePublished(_ index: RingIndex) {
        // release: the ring's own index comes first.
        words.storeRelease(index.rawValue, at: first + JournalLayout.transmitPublished)
    }

    /// Up to where answers were published: `rsp_prod`, or `done` before it was noted here.
    @inlinable
    public var published: RingIndex {
        // acquire: pairs with the release in notePublished.
        RingIndex(words.loadAcquire(at: first + JournalLayout.transmitPublished))
    }

    /// Up to where answers are kept.
    @inlinable
    public var done: RingIndex {
        @inline(__always) get {
            // acquire: pairs with the release in commit.
            RingIndex(words.loadAcquire(at: first + JournalLayout.transmitDone))
        }
    }

    /// Up to where packets may have been handed to the port.
    @inlinable
    public var intended: RingIndex {
        // acquire: pairs with the release in intend.
        RingIndex(words.loadAcquire(at: first + JournalLayout.intended))
    }

    /// Frames that the port took up to `done`.
    @inlinable
    public var frames: UInt32 { words.loadRelaxed(at: first + JournalLayout.transmitFrames) }

    /// Whether the indices are such as a worker writes, whatever the guest does: none is more than
    /// a ring behind the next. While they are written, and read in the order in which they follow
    /// each other, it may be two rings.
    @inlinable
    public func isConsistent(rings: UInt32 = 1) -> Bool {
        let (published, done, intended) = (published, done, intended)
        let room = rings * TransmitFormat.slotCount
        return done.distance(from: published) <= room && intended.distance(from: done) <= room
    }

    /// Starts at a ring's `rsp_prod`, with `frames` through the port so far.
    public func reset(at index: RingIndex, frames: UInt32) {
        words.storeRelaxed(frames, at: first + JournalLayout.transmitFrames)
        words.storeRelaxed(index.rawValue, at: first + JournalLayout.intended)
        words.storeRelaxed(index.rawValue, at: first + JournalLayout.transmitPublished)
        words.storeRelease(index.rawValue, at: first + JournalLayout.transmitDone)
    }

    @inlinable @inline(__always)
    func answerWord(_ index: RingIndex) -> Int {
        first + JournalLayout.transmitAnswers + index.slot(of: TransmitFormat.slotCount)
    }
}

extension TransmitJournal: Sendable where Words: Sendable {}
