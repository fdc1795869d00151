// SPDX-License-Identifier: Apache-2.0
public import Synchronization

/// `SharedWords` over a real mapping. All atomics of the package are in this file.
///
/// A view, not an owner: whoever owns the mapping keeps it alive for as long as the view is used.
@safe
public struct MappedWords: SharedWords, @unchecked Sendable {
    // SAFETY (Sendable): every access is a single atomic operation on one aligned word.
    /// How many words may be addressed.
    @usableFromInline let base: UnsafeMutablePointer<Atomic<UInt32>>
    /// How many words may be addressed.
    public let wordCount: Int

    /// Views `wordCount` words at `base`.
    ///
    /// SAFETY: the caller guarantees that `base` is 4-byte aligned, that the words stay mapped for
    /// as long as this view is used, and that all Swift code reaches them through such views alone.
    @unsafe
    @inlinable
    public init(at base: UnsafeMutableRawPointer, wordCount: Int) {
        unsafe self.base = base.assumingMemoryBound(to: Atomic<UInt32>.self)
        self.wordCount = wordCount
    }

    /// The atomic cell of a word. A wrong offset is our own bug, never a peer's.
    @inlinable @inline(__always)
    public func cell(_ word: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        precondition(word >= 0 && word < wordCount, "word offset outside of the shared memory")
        return unsafe base + word
    }

    /// See `SharedWords`.
    @inlinable @inline(__always)
    public func loadAcquire(at word: Int) -> UInt32 {
        unsafe cell(word).pointee.load(ordering: .acquiring)
    }

    /// See `SharedWords`.
    @inlinable @inline(__always)
    public func loadRelaxed(at word: Int) -> UInt32 {
        unsafe cell(word).pointee.load(ordering: .relaxed)
    }

    /// See `SharedWords`.
    @inlinable @inline(__always)
    public func storeRelease(_ value: UInt32, at word: Int) {
        unsafe cell(word).pointee.store(value, ordering: .releasing)
    }

    /// See `SharedWords`.
    @inlinable @inline(__always)
    public func storeRelaxed(_ value: UInt32, at word: Int) {
        unsafe cell(word).pointee.store(value, ordering: .relaxed)
    }

    /// Replaces a word that still holds `expected`; false when it holds anything else.
    /// Acquires and releases, as the processor's own instruction does.
    @inlinable @inline(__always)
    public func compareExchange(expected: UInt32, desired: UInt32, at word: Int) -> Bool {
        unsafe cell(word).pointee.compareExchange(
            expected: expected, desired: desired, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Clears the bits of `mask` in a word, whatever a peer does to the others meanwhile: one
    /// step, unlike a loop around `compareExchange`, which a peer could keep from ever ending.
    @inlinable @inline(__always)
    public func clearBits(_ mask: UInt32, at word: Int) {
        _ = unsafe cell(word).pointee.bitwiseAnd(~mask, ordering: .acquiringAndReleasing)
    }

    /// See `SharedWords`.
    @inlinable @inline(__always)
    public func fence() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }
}
