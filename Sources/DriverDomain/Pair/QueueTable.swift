// SPDX-License-Identifier: Apache-2.0
import Glibc
import NetBack
import Platform
import SharedMemory

/// The queues that this process serves or holds, by their page in the journal.
///
/// It keeps a descriptor of each one's TAP: for a shadow to come, and so that the TAP and its
/// place on the bridge stay while anybody has it.
struct QueueTable: ~Copyable {
    /// One queue.
    struct Entry {
        var opening: QueueOpening
        /// The interface of the vif.
        var interfaceName: String
        /// A descriptor of its TAP, which is the table's.
        var tap: Int32
        /// It serves: a shadow may be told of it.
        var isOpen = false
        /// Why it does no more ring work, told before its vif was known here.
        var fault: String?
    }

    private(set) var entries: [Int: Entry] = [:]
    private let journal: Journal<MappedWords>

    init(_ journal: Journal<MappedWords>) { self.journal = journal }

    deinit { for entry in entries.values { close(entry.tap) } }

    /// A page that is free.
    func freeSlot() -> Int? {
        (0..<journal.queueCount).first { entries[$0] == nil && !journal.queue($0).isUsed }
    }

    /// Enters a queue over a TAP of which the table takes a descriptor of its own.
    ///
    /// - Returns: false when there is no descriptor to be had.
    mutating func enter(
        _ opening: QueueOpening, interfaceName: String, tap: Int32, isOpen: Bool
    ) -> Bool {
        let kept = fcntl(tap, F_DUPFD_CLOEXEC, 0)
        guard kept >= 0 else { return false }
        entries[opening.slot] = Entry(
            opening: opening, interfaceName: interfaceName, tap: kept, isOpen: isOpen)
        return true
    }

    /// The page of a queue.
    func slot(of id: QueueID) -> Int? { entries.first { $0.value.opening.id == id }?.key }

    /// Changes an entry, if there is one.
    mutating func update(_ slot: Int, _ change: (inout Entry) -> Void) {
        if var entry = entries[slot] {
            change(&entry)
            entries[slot] = entry
        }
    }

    /// Takes a queue out and closes the table's descriptor of its TAP.
    mutating func remove(_ slot: Int) {
        guard let entry = entries.removeValue(forKey: slot) else { return }
        close(entry.tap)
    }
}
