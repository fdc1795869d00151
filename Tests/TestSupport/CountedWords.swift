// SPDX-License-Identifier: Apache-2.0
import SharedMemory

/// A page of plain memory for one thread, which counts stores and can stop storing at one of them.
///
/// With `crashAtStore` k the stores 0 to k-1 happen and nothing from the k-th on does: the page is
/// then what a successor finds when its predecessor died just before that store.
package final class CountedWords: SharedWords {
    /// The words as they are now.
    package private(set) var words: [UInt32]
    /// Stores so far, those after the crash included.
    package private(set) var storeCount = 0
    /// Fences so far.
    package private(set) var fenceCount = 0
    /// The first store that does not happen; nil for none.
    package var crashAtStore: Int?

    package init(wordCount: Int = 1024, crashAtStore: Int? = nil) {
        words = [UInt32](repeating: 0, count: wordCount)
        self.crashAtStore = crashAtStore
    }

    /// Whether the crash has happened.
    package var hasCrashed: Bool { crashAtStore.map { storeCount > $0 } ?? false }

    /// Starts to store again, as the successor does, and counts from 0.
    package func restart(crashAtStore: Int? = nil) {
        storeCount = 0
        self.crashAtStore = crashAtStore
    }

    package var wordCount: Int { words.count }

    package func loadAcquire(at word: Int) -> UInt32 { words[word] }

    package func loadRelaxed(at word: Int) -> UInt32 { words[word] }

    package func storeRelease(_ value: UInt32, at word: Int) { store(value, at: word) }

    package func storeRelaxed(_ value: UInt32, at word: Int) { store(value, at: word) }

    package func fence() { fenceCount += 1 }

    private func store(_ value: UInt32, at word: Int) {
        storeCount += 1
        if !hasCrashed { words[word] = value }
    }
}
