// SPDX-License-Identifier: Apache-2.0

/// How soon a `StallDetector` calls a ring half stalled.
public struct StallLimits: Equatable, Sendable {
    /// The least time that work is pending and nothing moves.
    public var stallNanoseconds: UInt64
    /// The least number of looks that saw it so.
    public var lookCount: UInt32
    /// A gap between two looks that is longer says that the watcher itself did not run.
    public var ownPauseNanoseconds: UInt64

    /// Takes the limits as they are. With the defaults 20 ms without movement are a stall.
    public init(
        stallNanoseconds: UInt64 = 20_000_000, lookCount: UInt32 = 4,
        ownPauseNanoseconds: UInt64 = 10_000_000
    ) {
        self.stallNanoseconds = stallNanoseconds
        self.lookCount = lookCount
        self.ownPauseNanoseconds = ownPauseNanoseconds
    }
}
