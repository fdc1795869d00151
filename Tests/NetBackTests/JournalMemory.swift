// SPDX-License-Identifier: Apache-2.0
import NetBack
import SharedMemory

/// A journal in plain memory.
///
/// SAFETY: the memory lives as long as the object, which outlives every view of it.
@safe
final class JournalMemory {
    let journal: Journal<MappedWords>
    private let memory: UnsafeMutablePointer<UInt32>
    private var nextSlot = 0

    init(workers: Int, queues: Int) {
        let count = Journal<MappedWords>.wordCount(workers: workers, queues: queues)
        unsafe memory = .allocate(capacity: count)
        unsafe memory.initialize(repeating: 0, count: count)
        journal = Journal(
            formatting: unsafe MappedWords(at: memory, wordCount: count), workers: workers,
            queues: queues)
    }

    deinit { unsafe memory.deallocate() }

    /// A page for one more queue; tests open fewer connections than there are pages, or reuse.
    func takeSlot() -> Int {
        defer { nextSlot += 1 }
        return nextSlot % journal.queueCount
    }
}
