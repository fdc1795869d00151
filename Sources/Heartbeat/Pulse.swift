// SPDX-License-Identifier: Apache-2.0
public import SharedMemory

/// The writer of one slot of a `HeartbeatPage`. Caller of everything: the slot's one worker.
///
/// A beat is the stores of a sequence lock, because its times are two words each: the sequence is
/// odd while they change, and a reader that meets an odd or a moved sequence looks again. A worker
/// that dies in between leaves an odd sequence; its successor in the slot makes it even.
public struct Pulse<Words: SharedWords>: ~Copyable {
    @usableFromInline let words: Words
    @usableFromInline let firstWord: Int
    /// What the sequence word holds: single writer, our own copy.
    @usableFromInline var sequence: UInt32
    /// Whether the page may announce a rest that the next beat ends.
    @usableFromInline var isResting: Bool

    init(words: Words, firstWord: Int) {
        self.words = words
        self.firstWord = firstWord
        // relaxed, all: the last writer is gone before the next one starts.
        let found = words.loadRelaxed(at: firstWord + HeartbeatLayout.sequence)
        sequence = found &+ (found & 1)
        // A predecessor may have died in its rest.
        isResting =
            words.loadRelaxed(at: firstWord + HeartbeatLayout.quietLow) != 0
            || words.loadRelaxed(at: firstWord + HeartbeatLayout.quietHigh) != 0
    }

    /// Says "alive now", and ends a rest. Nanoseconds are those of the monotonic clock.
    @inlinable @inline(__always)
    public mutating func beat(at nanoseconds: UInt64) {
        open()
        store(nanoseconds, at: HeartbeatLayout.timeLow)
        if isResting {
            // The end stays on the page: a reader that missed the rest must not take it for a
            // slow turn.
            store(nanoseconds, at: HeartbeatLayout.quietLow)
            isResting = false
        }
        close()
    }

    /// A beat that also says "I sleep on purpose, do not miss me before `quietUntil`". The next
    /// beat ends the rest, also before that time.
    @inlinable
    public mutating func rest(at nanoseconds: UInt64, until quietUntil: UInt64) {
        open()
        store(nanoseconds, at: HeartbeatLayout.timeLow)
        store(quietUntil, at: HeartbeatLayout.quietLow)
        isResting = true
        close()
        enter(.resting)
    }

    /// Says what the worker does from here on.
    @inlinable @inline(__always)
    public func enter(_ activity: Activity) {
        // relaxed: one word, nothing hangs on its order.
        words.storeRelaxed(activity.rawValue, at: firstWord + HeartbeatLayout.activity)
    }

    /// Shows how many packets the worker has carried so far. Directions are the frontend's.
    @inlinable @inline(__always)
    public func showProgress(transmitPackets: UInt64, receivePackets: UInt64) {
        // relaxed: two counters that need not fit together.
        words.storeRelaxed(
            UInt32(truncatingIfNeeded: transmitPackets),
            at: firstWord + HeartbeatLayout.transmitPackets)
        words.storeRelaxed(
            UInt32(truncatingIfNeeded: receivePackets),
            at: firstWord + HeartbeatLayout.receivePackets)
    }

    @inlinable @inline(__always)
    func open() {
        // relaxed: made visible, before any half, by the releases of the halves.
        words.storeRelaxed(sequence &+ 1, at: firstWord + HeartbeatLayout.sequence)
    }

    @inlinable @inline(__always)
    mutating func close() {
        // 0 means "never": the wrap skips it.
        sequence = sequence == .max - 1 ? 2 : sequence &+ 2
        // release: pairs with the acquire of the sequence in HeartbeatPage.lastBeat.
        words.storeRelease(sequence, at: firstWord + HeartbeatLayout.sequence)
    }

    @inlinable @inline(__always)
    func store(_ time: UInt64, at word: Int) {
        // release: pairs with the acquires of the halves in HeartbeatPage.lastBeat.
        words.storeRelease(UInt32(truncatingIfNeeded: time), at: firstWord + word)
        words.storeRelease(UInt32(truncatingIfNeeded: time >> 32), at: firstWord + word + 1)
    }
}
