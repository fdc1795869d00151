// SPDX-License-Identifier: Apache-2.0
public import SharedMemory

/// The writer of one slot of a `HeartbeatPage`. Caller of everything: the slot's one worker.
///
/// A beat is three stores of a sequence lock, because its time is two words: the sequence is odd
/// while they change, and a reader that meets an odd or a moved sequence looks again. A worker
/// that dies in between leaves an odd sequence; its successor in the slot makes it even.
public struct Pulse<Words: SharedWords>: ~Copyable {
    @usableFromInline let words: Words
    @usableFromInline let firstWord: Int
    /// What the sequence word holds: single writer, our own copy.
    @usableFromInline var sequence: UInt32

    init(words: Words, firstWord: Int) {
        self.words = words
        self.firstWord = firstWord
        // relaxed: the last writer is gone before the next one starts.
        let found = words.loadRelaxed(at: firstWord + HeartbeatLayout.sequence)
        sequence = found &+ (found & 1)
    }

    /// Says "alive now". Nanoseconds are those of the monotonic clock.
    @inlinable @inline(__always)
    public mutating func beat(at nanoseconds: UInt64) {
        // relaxed: made visible, before either half, by the releases of the halves.
        words.storeRelaxed(sequence &+ 1, at: firstWord + HeartbeatLayout.sequence)
        // release: pairs with the acquires of the halves in HeartbeatPage.lastBeat.
        words.storeRelease(
            UInt32(truncatingIfNeeded: nanoseconds), at: firstWord + HeartbeatLayout.timeLow)
        words.storeRelease(
            UInt32(truncatingIfNeeded: nanoseconds >> 32),
            at: firstWord + HeartbeatLayout.timeHigh)
        // 0 means "never": the wrap skips it.
        sequence = sequence == .max - 1 ? 2 : sequence &+ 2
        // release: pairs with the acquire of the sequence in HeartbeatPage.lastBeat.
        words.storeRelease(sequence, at: firstWord + HeartbeatLayout.sequence)
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
}
