// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What is known of the intervals between a worker's beats, and which silence it makes improbable.
///
/// It accrues suspicion (Hayashibara and others, "The phi accrual failure detector", 2004), with
/// the tail of an exponential distribution instead of the bell curve: the delays of a scheduler
/// have such a tail or a longer one.
struct IntervalModel: Sendable {
    /// Deviations above the mean that a living worker's silence reaches too rarely.
    private let deadFactor: Double
    /// Those that it reaches once in a thousand intervals.
    private let suspectFactor: Double
    private let deviationFloor: Double
    private var mean: Double
    private var variance = 0.0

    /// Each interval weighs this much, so that about the last hundred count.
    private static let weight = 1.0 / 128

    init(falseAlarmsPerDay: Double, limits: DetectionLimits) {
        let interval = Double(max(1, limits.beatIntervalNanoseconds))
        // One silence is judged for each beat expected.
        let intervalsPerDay = 86_400e9 / interval
        // What is no number is taken for "never", as 0 is.
        let asked = falseAlarmsPerDay > 0 ? falseAlarmsPerDay : 0
        let accepted = min(max(asked / intervalsPerDay, 1e-300), 0.1)
        deadFactor = Self.factor(ofTail: accepted)
        suspectFactor = min(deadFactor, Self.factor(ofTail: 1e-3))
        deviationFloor = Double(max(1, limits.deviationFloorNanoseconds))
        mean = interval
    }

    var deadlySilenceNanoseconds: UInt64 { silenceNanoseconds(deadFactor) }

    var suspectSilenceNanoseconds: UInt64 { silenceNanoseconds(suspectFactor) }

    mutating func learn(_ interval: Double) {
        let difference = interval - mean
        mean += Self.weight * difference
        variance = (1 - Self.weight) * (variance + Self.weight * difference * difference)
    }

    private func silenceNanoseconds(_ factor: Double) -> UInt64 {
        UInt64(min(mean + factor * max(variance.squareRoot(), deviationFloor), 1e18))
    }

    /// An exponential variable is this many deviations above its mean with this probability.
    private static func factor(ofTail probability: Double) -> Double { -log(probability) - 1 }
}
