// SPDX-License-Identifier: Apache-2.0
package import SharedMemory

/// The visible effects of one backend's life, counted, and the end of that life at one of them.
///
/// With `crashAt` k the effects 0 to k-1 happen and nothing from the k-th on does, as if the
/// process had been killed in between. All memory, ports and channels of a backend share one.
package final class CrashClock {
    /// Effects that happened.
    package private(set) var count = 0
    /// The first effect that does not happen; nil for none.
    package var crashAt: Int?
    /// The backend is dead: nothing that it does has any effect any more.
    package private(set) var isDead = false
    /// Called after each effect: what others do at the same time as the backend.
    package var afterEffect: (() -> Void)?

    /// Called at the moment of death.
    package var onDeath: (() -> Void)?

    package init(crashAt: Int? = nil) { self.crashAt = crashAt }

    /// Ends the life here, if it has not ended.
    package func kill() {
        if isDead { return }
        isDead = true
        onDeath?()
    }

    /// Counts an effect; true when it happens.
    package func tick() -> Bool {
        if isDead { return false }
        if count == crashAt {
            kill()
            return false
        }
        count += 1
        return true
    }
}

/// Mapped memory as a backend reaches it that may die: its stores are effects.
package struct MortalWords: SharedWords {
    private let memory: MappedWords
    private let clock: CrashClock

    package init(_ memory: MappedWords, clock: CrashClock) {
        self.memory = memory
        self.clock = clock
    }

    package var wordCount: Int { memory.wordCount }

    package func loadAcquire(at word: Int) -> UInt32 { memory.loadAcquire(at: word) }

    package func loadRelaxed(at word: Int) -> UInt32 { memory.loadRelaxed(at: word) }

    package func storeRelease(_ value: UInt32, at word: Int) {
        guard clock.tick() else { return }
        memory.storeRelease(value, at: word)
        clock.afterEffect?()
    }

    package func storeRelaxed(_ value: UInt32, at word: Int) {
        guard clock.tick() else { return }
        memory.storeRelaxed(value, at: word)
        clock.afterEffect?()
    }

    package func fence() { memory.fence() }
}
