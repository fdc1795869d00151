// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Decides from the beats of one worker whether it lives. Reads no clock and no memory.
///
/// It accrues suspicion: from the mean and the deviation of the intervals seen so far it reckons
/// how improbable the present silence is for a worker that lives (Hayashibara and others, "The phi
/// accrual failure detector", 2004). Dead is a silence so long that a living worker keeps it less
/// often than the false alarms allowed; the busier the machine, the longer that is.
///
/// A watcher that did not run itself knows nothing of that time: it neither learns from an
/// interval that spans its own pause nor counts the pause as silence.
public struct FailureDetector: Sendable {
    /// What is thought of the worker.
    public enum Verdict: Equatable, Sendable {
        /// Nothing is unusual.
        case alive
        /// It is silent for longer than in 999 of 1000 intervals.
        case suspect
        /// A living worker would not be silent for this long.
        case dead
    }

    /// The limits in force.
    public let limits: DetectionLimits
    /// Standard deviations above the mean that make a silence suspect, and deadly.
    private let suspectQuantile: Double
    private let deadQuantile: Double

    private var mean: Double
    private var variance: Double
    private var lastBeat: Beat?
    /// Where the present silence starts.
    private var heardAt: UInt64
    private var lookedAt: UInt64
    private var intervalSpansPause = false

    /// Each interval weighs this much, so that about the last hundred count.
    private static let weight = 1.0 / 128

    /// Starts to watch. The first look is to follow within the limits' `ownPauseNanoseconds`.
    public init(limits: DetectionLimits, at now: UInt64) {
        self.limits = limits
        let interval = Double(max(1, limits.beatIntervalNanoseconds))
        // One silence is judged for each beat expected.
        let intervalsPerDay = 86_400e9 / interval
        let accepted = min(max(limits.falseAlarmsPerDay / intervalsPerDay, 1e-300), 0.1)
        deadQuantile = Self.quantile(ofTail: accepted)
        suspectQuantile = min(deadQuantile, Self.quantile(ofTail: 1e-3))
        mean = interval
        variance = 0
        heardAt = now
        lookedAt = now
    }

    /// Takes the last beat as read at `now`, nil when none could be read. Call it once per turn,
    /// before `verdict(at:)`.
    public mutating func observe(_ beat: Beat?, at now: UInt64) {
        let wasPaused = now > lookedAt && now - lookedAt > limits.ownPauseNanoseconds
        lookedAt = max(lookedAt, now)
        if wasPaused {
            intervalSpansPause = true
            heardAt = now
        }
        guard let beat, beat.sequence != lastBeat?.sequence else { return }
        if let lastBeat, !intervalSpansPause, beat.nanoseconds > lastBeat.nanoseconds {
            let beats = Double(beat.count(since: lastBeat))
            learn(Double(beat.nanoseconds - lastBeat.nanoseconds) / max(1, beats))
        }
        intervalSpansPause = false
        lastBeat = beat
        // A time that is not yet come is not believed, nor one from before our own pause.
        heardAt = wasPaused ? now : max(heardAt, min(beat.nanoseconds, now))
    }

    /// What is thought of the worker at `now`. Who has never beaten is not judged: starting up has
    /// a deadline of its own.
    public func verdict(at now: UInt64) -> Verdict {
        guard lastBeat != nil else { return .alive }
        let silence = silence(at: now)
        if silence >= silenceNanoseconds(atQuantile: deadQuantile) { return .dead }
        return silence >= silenceNanoseconds(atQuantile: suspectQuantile) ? .suspect : .alive
    }

    /// The silence, in nanoseconds, that is death at present.
    public var deadlySilenceNanoseconds: UInt64 {
        UInt64(min(silenceNanoseconds(atQuantile: deadQuantile), 1e18))
    }

    /// Suspicion as a number: at 3, a living worker is silent for this long once in 10^3 intervals.
    public func suspicion(at now: UInt64) -> Double {
        -log10(Self.tail((silence(at: now) - mean) / deviation))
    }

    private var deviation: Double {
        max(variance.squareRoot(), Double(max(1, limits.deviationFloorNanoseconds)))
    }

    private func silenceNanoseconds(atQuantile quantile: Double) -> Double {
        mean + quantile * deviation
    }

    /// How long nothing was heard, as far as somebody looked.
    private func silence(at now: UInt64) -> Double {
        let (limit, overflow) = lookedAt.addingReportingOverflow(limits.ownPauseNanoseconds)
        let end = overflow ? now : min(now, limit)
        return end > heardAt ? Double(end - heardAt) : 0
    }

    private mutating func learn(_ interval: Double) {
        // A silence that was called death teaches no more than the shortest such: else one stall
        // would make the detector blind for a long time after.
        let sample = min(interval, silenceNanoseconds(atQuantile: deadQuantile))
        let difference = sample - mean
        mean += Self.weight * difference
        variance = (1 - Self.weight) * (variance + Self.weight * difference * difference)
    }

    /// How probable a normal variable is more than `quantile` deviations above its mean.
    private static func tail(_ quantile: Double) -> Double {
        0.5 * erfc(quantile / 2.0.squareRoot())
    }

    /// The quantile with this tail, to within 2^-40.
    private static func quantile(ofTail probability: Double) -> Double {
        var (low, high) = (0.0, 40.0)
        for _ in 0..<46 {
            let middle = (low + high) / 2
            if tail(middle) > probability { low = middle } else { high = middle }
        }
        return high
    }
}
