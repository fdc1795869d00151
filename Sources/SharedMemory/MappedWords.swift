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

    /// See `SharedWords`.
    @inlinable @inline(__always)
    public func fence() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }
}
