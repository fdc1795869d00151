// SPDX-License-Identifier: Apache-2.0
public import Platform

/// Whether a worker that feeds guests runs before those that take from them.
///
/// It does while it has little to carry: an answer is on its way then before the worker that
/// carried the question has told the guest so. With more to carry it would take each frame from a
/// local sender as soon as it is there, where a worker that waits for its turn takes many at once.
///
/// Slots are paid for out of an allowance that time fills up. Who has spent it gives way until it
/// is full again, so that the answer does not change more than once in a while, and a guest that
/// wakes the worker for nothing gains nothing.
public struct Promptness: Sendable {
    /// What a slot costs, in nanoseconds; a turn without one costs as much.
    public static let slotCost: UInt64 = 1_000_000
    /// The most that can be saved, in nanoseconds.
    public static let allowanceMax: UInt64 = 32_000_000

    /// Whether the worker is to run before others.
    public private(set) var isPrompt = false
    private var allowance: UInt64 = 0
    private var slotsBefore: UInt64
    private var last: Instant

    /// Starts without an allowance.
    ///
    /// - Parameters:
    ///   - slots: how many slots the worker has filled so far.
    ///   - now: the time.
    public init(slots: UInt64, at now: Instant) {
        slotsBefore = slots
        last = now
    }

    /// Takes account of a turn.
    ///
    /// - Parameters:
    ///   - slots: how many slots the worker has filled so far.
    ///   - now: when the turn began.
    /// - Returns: whether `isPrompt` is another now.
    public mutating func isChanged(slots: UInt64, at now: Instant) -> Bool {
        let elapsed = min(now.nanoseconds(since: last), Self.allowanceMax)
        // More slots than the allowance pays for cost all of it.
        let filled = min(
            max(slots > slotsBefore ? slots - slotsBefore : 0, 1),
            Self.allowanceMax / Self.slotCost)
        (slotsBefore, last) = (slots, now)
        let saved = min(allowance + elapsed, Self.allowanceMax)
        let cost = filled * Self.slotCost
        let wasPrompt = isPrompt
        isPrompt = isPrompt ? saved > cost : saved == Self.allowanceMax && filled == 1
        allowance = saved > cost ? saved - cost : 0
        return isPrompt != wasPrompt
    }
}
