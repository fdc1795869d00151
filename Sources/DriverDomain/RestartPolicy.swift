// SPDX-License-Identifier: Apache-2.0

/// When a service that ended is started again: at once the first time, later and later while it
/// does not stay, and not at all once it has never come to serve.
public struct RestartPolicy {
    /// What is to be done about an end.
    public enum Decision: Equatable {
        /// Start it after so many milliseconds.
        case restart(afterMilliseconds: Int32)
        /// Nothing will change: it cannot serve here.
        case giveUp
    }

    private static var firstPause: Int32 { 100 }
    /// The longest pause, in milliseconds, where nobody says otherwise.
    public static var usualLongestPause: Int32 { 5_000 }
    /// One that served for so long starts with a clean slate.
    private static var steadyNanoseconds: UInt64 { 10_000_000_000 }
    /// Starts that never came to serve, one after the other, before it is given up.
    private static var fruitlessStartsMax: Int { 5 }

    private let longestPause: Int32
    private var endsInARow = 0
    private var fruitlessStarts = 0

    /// Nothing has ended yet. `longestPause`, in milliseconds, is where doubling ends.
    public init(longestPause: Int32 = usualLongestPause) { self.longestPause = longestPause }

    /// Takes note of an end.
    ///
    /// - Parameter served: for how long it served, nil if it never came to that.
    /// - Returns: what to do about it.
    public mutating func ended(afterServing served: UInt64?) -> Decision {
        if let served {
            fruitlessStarts = 0
            if served >= Self.steadyNanoseconds { endsInARow = 0 }
        } else {
            fruitlessStarts += 1
            if fruitlessStarts >= Self.fruitlessStartsMax { return .giveUp }
        }
        endsInARow += 1
        // A connected guest waits: the first restart is immediate, the pauses then double.
        guard endsInARow > 1 else { return .restart(afterMilliseconds: 0) }
        let doublings = min(endsInARow - 2, 6)
        return .restart(
            afterMilliseconds: min(Self.firstPause << Int32(doublings), longestPause))
    }
}
