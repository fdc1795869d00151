// SPDX-License-Identifier: Apache-2.0
import NetBack
import SharedMemory

/// Which half is to be isolated, and when: the one in whose step one backend died, and then the
/// one that took that very step over. Two deaths with a survivor between them are bad luck.
struct IsolationChecker {
    private typealias Step = WorkerJournal<MappedWords>.Step

    /// The step in which a worker's last owner died, and how many in a row did.
    private var deaths: [(step: Step, count: Int)?]

    init(workerCount: Int) { deaths = Array(repeating: nil, count: workerCount) }

    /// Caller: before a takeover.
    mutating func expect(_ step: WorkerJournal<MappedWords>.Step?, of worker: Int) {
        guard let step else { return deaths[worker] = nil }
        let last = deaths[worker]
        let isSame = last?.step.half == step.half && last?.step.base == step.base
        deaths[worker] = (step, isSame ? (last?.count ?? 0) + 1 : 1)
    }

    /// The half that a takeover isolates, if only its process lives long enough to do so.
    func isolated(by worker: Int) -> JournalHalf? {
        guard let last = deaths[worker], last.count >= 2 else { return nil }
        return last.step.half
    }

    /// Caller: after a takeover that its process has survived.
    mutating func check(_ found: WorkerTakeover, of worker: Int) -> [String] {
        let last = deaths[worker]
        deaths[worker] = nil
        let isExpected = (last?.count ?? 0) >= 2
        guard (found.isolated != nil) != isExpected else { return [] }
        return ["isolated \(found.isolated as Any) after \(last?.count ?? 0) deaths in its step"]
    }
}
