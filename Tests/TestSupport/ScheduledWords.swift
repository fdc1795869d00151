// SPDX-License-Identifier: Apache-2.0
import SharedMemory

/// One access to shared memory, as a program made it.
package enum SharedAccess: Hashable, Sendable {
    case load(word: Int)
    case store(word: Int, value: UInt32, isRelease: Bool)
    case fence
}

/// Memory that a model checker schedules: it answers loads from a script and records accesses.
///
/// A program that is run again with one more answer takes one more step, so an explorer can stop
/// the real code at every access without threads. Past the script every load is 0 and nothing is
/// recorded: code that never traps or loops on foreign bytes runs to its end all the same.
package final class ScheduledWords: SharedWords {
    private var words: [UInt32]
    private var answers: ArraySlice<UInt32>
    private var isRecording = false
    /// What the program did, up to the first load without an answer.
    package private(set) var accesses: [SharedAccess] = []
    /// False when the program asked for a load that has no answer yet.
    package private(set) var isComplete = true

    /// Until `begin()`, accesses go to `words` and are not recorded.
    package init(words: [UInt32], answers: [UInt32]) {
        self.words = words
        self.answers = answers[...]
    }

    /// Ends the preparations: from here on every access is a step.
    package func begin() { isRecording = true }

    package var wordCount: Int { words.count }

    package func loadAcquire(at word: Int) -> UInt32 { load(at: word) }

    package func loadRelaxed(at word: Int) -> UInt32 { load(at: word) }

    package func storeRelease(_ value: UInt32, at word: Int) {
        store(value, at: word, isRelease: true)
    }

    package func storeRelaxed(_ value: UInt32, at word: Int) {
        store(value, at: word, isRelease: false)
    }

    package func fence() { record(.fence) }

    private func record(_ access: SharedAccess) {
        if isRecording && isComplete { accesses.append(access) }
    }

    private func load(at word: Int) -> UInt32 {
        guard isRecording else { return words[word] }
        record(.load(word: word))
        if let answer = answers.popFirst() { return answer }
        isComplete = false
        return 0
    }

    private func store(_ value: UInt32, at word: Int, isRelease: Bool) {
        guard isRecording else { return words[word] = value }
        record(.store(word: word, value: value, isRelease: isRelease))
    }
}
