// SPDX-License-Identifier: Apache-2.0

/// Decides whether one half of a ring is stalled: work is pending, nothing moves, and the worker
/// may beat all the same. Reads no clock and no memory; three words for each half.
public struct StallDetector: Sendable {
    /// What is thought of the half.
    public enum Verdict: Equatable, Sendable {
        /// It moves, or has no reason to.
        case moving
        /// Work is pending, and nothing has moved since that time.
        case stalled(since: UInt64)
    }

    private var since: UInt64
    private var lookedAt: UInt64
    private var mark: UInt32 = 0
    /// Looks in a row that saw work and no movement; not counted beyond the limit, 0 for no work.
    private var lookCount: UInt32 = 0

    /// Starts to watch.
    public init(at now: UInt64) {
        since = now
        lookedAt = now
    }

    /// Takes what one look found: whether there is work, and an index that moves with progress.
    ///
    /// Call it at every look, with the same limits. Say that nothing is pending also while nothing
    /// can be expected, as when the half's worker rests.
    public mutating func look(
        isPending: Bool, progressMark: UInt32, at time: UInt64, limits: StallLimits
    ) -> Verdict {
        // A clock does not go back.
        let now = max(time, lookedAt)
        let wasPaused = now - lookedAt > limits.ownPauseNanoseconds
        lookedAt = now
        guard isPending else {
            lookCount = 0
            return .moving
        }
        if lookCount == 0 || progressMark != mark || wasPaused {
            mark = progressMark
            since = now
            lookCount = 1
        } else if lookCount < limits.lookCount {
            lookCount += 1
        }
        let isStalled = lookCount >= limits.lookCount && now - since >= limits.stallNanoseconds
        return isStalled ? .stalled(since: since) : .moving
    }
}
