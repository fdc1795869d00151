// SPDX-License-Identifier: Apache-2.0

/// How soon a `FailureDetector` gives someone up.
public struct DetectionLimits: Equatable, Sendable {
    /// What is expected of a worker before anything is known of it.
    public var beatIntervalNanoseconds: UInt64
    /// How often a worker that lives may be called dead.
    public var falseAlarmsPerDay: Double
    /// The least deviation of the intervals that is believed in.
    ///
    /// A quiet machine shows less than it will under load, and delays of a scheduler have a longer
    /// tail than the bell curve that the detector reckons with.
    public var deviationFloorNanoseconds: UInt64
    /// A gap between two looks that is longer says that the watcher itself did not run. One that
    /// always looks less often than this gives nobody up.
    public var ownPauseNanoseconds: UInt64

    /// Takes the limits as they are.
    ///
    /// With the defaults a silence of about 27 ms is death.
    public init(
        beatIntervalNanoseconds: UInt64 = 1_000_000, falseAlarmsPerDay: Double = 1.0 / 365,
        deviationFloorNanoseconds: UInt64 = 4_000_000, ownPauseNanoseconds: UInt64 = 10_000_000
    ) {
        self.beatIntervalNanoseconds = beatIntervalNanoseconds
        self.falseAlarmsPerDay = falseAlarmsPerDay
        self.deviationFloorNanoseconds = deviationFloorNanoseconds
        self.ownPauseNanoseconds = ownPauseNanoseconds
    }
}
