// SPDX-License-Identifier: Apache-2.0
import SharedMemory

/// A page that was copied, to be decoded at leisure: nobody writes it any more, we neither.
struct CopiedWords: SharedWords {
    private let words: [UInt32]

    /// Takes words as they are; what is missing of a page is zero.
    init(_ words: [UInt32]) {
        self.words = words + Array(repeating: 0, count: max(0, 1024 - words.count))
    }

    /// Copies another page, each word once.
    init(copying page: borrowing some SharedWords, from first: Int = 0) {
        var words: [UInt32] = []
        words.reserveCapacity(1024)
        for word in first..<min(first + 1024, page.wordCount) {
            words.append(page.loadRelaxed(at: word))
        }
        self.init(words)
    }

    /// Reads a page from a file's bytes, lowest byte first.
    init(bytes: [UInt8]) {
        var words: [UInt32] = []
        for first in stride(from: 0, to: bytes.count, by: 4) {
            var word: UInt32 = 0
            for position in 0..<min(4, bytes.count - first) {
                word |= UInt32(bytes[first + position]) << UInt32(8 * position)
            }
            words.append(word)
        }
        self.init(words)
    }

    var wordCount: Int { words.count }
    func loadAcquire(at word: Int) -> UInt32 { words[word] }
    func loadRelaxed(at word: Int) -> UInt32 { words[word] }
    func storeRelease(_ value: UInt32, at word: Int) {}
    func storeRelaxed(_ value: UInt32, at word: Int) {}
    func fence() {}
}
