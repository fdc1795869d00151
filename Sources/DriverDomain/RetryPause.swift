// SPDX-License-Identifier: Apache-2.0

/// The pauses between attempts at something that fails: each twice as long as the one before, up
/// to a bound.
struct RetryPause {
    private static var firstNanoseconds: UInt64 { 100_000_000 }
    private static var lastNanoseconds: UInt64 { 5_000_000_000 }

    private var following = RetryPause.firstNanoseconds

    /// How long to wait before the next attempt.
    mutating func next() -> UInt64 {
        defer { following = min(following * 2, Self.lastNanoseconds) }
        return following
    }
}
