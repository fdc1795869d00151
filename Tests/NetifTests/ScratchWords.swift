// SPDX-License-Identifier: Apache-2.0
import Ring
import SharedMemory

/// A page that counts the loads of each word, and may change what it holds behind our back.
final class ScratchWords: SharedWords {
    var values = [UInt32](repeating: 0, count: RingLayout.pageWordCount)
    var loads = [Int](repeating: 0, count: RingLayout.pageWordCount)
    /// Given the word and its value; what it returns is what is loaded.
    var tamper: ((Int, UInt32) -> UInt32)?

    var wordCount: Int { values.count }

    func loadAcquire(at word: Int) -> UInt32 { loadRelaxed(at: word) }

    func loadRelaxed(at word: Int) -> UInt32 {
        loads[word] += 1
        guard let tamper else { return values[word] }
        return tamper(word, values[word])
    }

    func storeRelease(_ value: UInt32, at word: Int) { values[word] = value }

    func storeRelaxed(_ value: UInt32, at word: Int) { values[word] = value }

    func fence() {}
}
