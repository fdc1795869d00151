// SPDX-License-Identifier: Apache-2.0

/// How soon a `WorkerWatch` gives someone up.
public struct DetectionLimits: Equatable, Sendable {
    /// How the silence that is death is found.
    public var mode: DetectionMode
    /// What is expected of a worker with work before anything is known of it.
    public var beatIntervalNanoseconds: UInt64
    /// The least deviation of the intervals that is believed in: a quiet machine shows less than
    /// it will under load.
    public var deviationFloorNanoseconds: UInt64
    /// A longer rest is not believed: else a damaged page would hide a death for ever.
    public var restNanosecondsMax: UInt64
    /// A gap between two looks that is longer says that the watcher itself did not run. One that
    /// always looks less often than this gives nobody up.
    public var ownPauseNanoseconds: UInt64

    /// Takes the limits as they are.
    ///
    /// With the defaults a silence of 18.6 ms and a usual interval is death while the intervals
    /// are short and even.
    public init(
        mode: DetectionMode = .standard, beatIntervalNanoseconds: UInt64 = 1_000_000,
        deviationFloorNanoseconds: UInt64 = 900_000, restNanosecondsMax: UInt64 = 50_000_000,
        ownPauseNanoseconds: UInt64 = 10_000_000
    ) {
        self.mode = mode
        self.beatIntervalNanoseconds = beatIntervalNanoseconds
        self.deviationFloorNanoseconds = deviationFloorNanoseconds
        self.restNanosecondsMax = restNanosecondsMax
        self.ownPauseNanoseconds = ownPauseNanoseconds
    }
}
