// SPDX-License-Identifier: Apache-2.0

/// Decides from the beats of one worker whether it lives. Reads no clock and no memory.
///
/// A worker beats when it has something to do, and sleeps without a beat when it has not: silence
/// counts only while work is pending. It counts from the latest of the last beat, the first look
/// that saw the work, the end of an announced rest, and the end of a pause of the watcher itself,
/// who knows nothing of the time in which it did not run.
///
/// Dead is a silence so long that a living worker keeps it less often than the false alarms
/// allowed, by the silences seen so far; the busier the machine, the longer that is. What is
/// learnt is what is judged: the silences that a beat ended, counted in the same way, and none with
/// a rest in it.
public struct WorkerWatch: Sendable {
    /// What is thought of the worker.
    public enum Verdict: Equatable, Sendable {
        /// Nothing is unusual.
        case alive
        /// It is silent, since that time, for longer than in 999 of 1000 intervals; with a fixed
        /// limit, for half of it.
        case suspect(since: UInt64)
        /// A living worker would not be silent, as this one is since that time, for this long.
        case dead(since: UInt64)
    }

    /// The limits in force.
    public let limits: DetectionLimits
    /// The silence, in nanoseconds, that is death at present.
    public private(set) var deadlySilenceNanoseconds: UInt64
    private var suspectSilenceNanoseconds: UInt64
    /// Nil with a fixed limit.
    private var intervals: IntervalModel?

    private var lastBeat: Beat?
    /// The last beat, or the end of the rest that it announces.
    private var quietUntil: UInt64 = 0
    /// The first look that saw the present work, or the end of our own pause.
    private var countsFrom: UInt64
    private var lookedAt: UInt64
    private var hadWork = false
    /// Whether a look found the present silence going on.
    private var wasSeen = false

    /// Starts to watch. The first look is to follow within the limits' `ownPauseNanoseconds`.
    public init(limits: DetectionLimits, at now: UInt64) {
        self.limits = limits
        switch limits.mode {
        case .adaptive(let falseAlarmsPerDay):
            let model = IntervalModel(falseAlarmsPerDay: falseAlarmsPerDay, limits: limits)
            intervals = model
            deadlySilenceNanoseconds = model.deadlySilenceNanoseconds
            suspectSilenceNanoseconds = model.suspectSilenceNanoseconds
        case .fixed(let milliseconds):
            deadlySilenceNanoseconds = UInt64(milliseconds) * 1_000_000
            suspectSilenceNanoseconds = deadlySilenceNanoseconds / 2
        }
        countsFrom = now
        lookedAt = now
    }

    /// Takes what one look found: the last beat, nil when none could be read, and whether there is
    /// work for the worker.
    ///
    /// Who has never beaten is not judged: starting up has a deadline of its own.
    public mutating func look(_ beat: Beat?, hasWork: Bool, at time: UInt64) -> Verdict {
        // A clock does not go back.
        let now = max(time, lookedAt)
        let wasPaused = now - lookedAt > limits.ownPauseNanoseconds
        lookedAt = now
        if wasPaused {
            countsFrom = now
            wasSeen = false
        }
        if let beat, beat.sequence != lastBeat?.sequence {
            take(beat, at: now)
        } else if hadWork, hasWork, now > silentSince {
            wasSeen = true
        }
        if hasWork, !hadWork {
            countsFrom = now
            wasSeen = false
        }
        hadWork = hasWork
        guard hasWork, lastBeat != nil else { return .alive }
        let since = silentSince
        let silence = now > since ? now - since : 0
        if silence >= deadlySilenceNanoseconds { return .dead(since: since) }
        return silence >= suspectSilenceNanoseconds ? .suspect(since: since) : .alive
    }

    private var silentSince: UInt64 { max(countsFrom, quietUntil) }

    private mutating func take(_ beat: Beat, at now: UInt64) {
        // A time that is not yet come is not believed.
        let heard = min(beat.nanoseconds, now)
        if let lastBeat, hadWork {
            let count = beat.count(since: lastBeat)
            // Of more beats than one, any may have announced a rest.
            let spansRest =
                lastBeat.announcesRest || count > 1 && beat.quietUntil > lastBeat.nanoseconds
            if heard > silentSince, !spansRest {
                // One silence of several beats, when a look saw it; else several alike.
                learn((heard - silentSince) / UInt64(wasSeen ? 1 : max(1, count)))
            }
        }
        lastBeat = beat
        wasSeen = false
        let (limit, overflow) = heard.addingReportingOverflow(limits.restNanosecondsMax)
        quietUntil = max(heard, min(beat.quietUntil, overflow ? .max : limit))
    }

    private mutating func learn(_ silence: UInt64) {
        guard var model = intervals else { return }
        // A silence that was called death teaches no more than the shortest such: else one stall
        // would make the watch blind for a long time after.
        model.learn(Double(min(silence, deadlySilenceNanoseconds)))
        deadlySilenceNanoseconds = model.deadlySilenceNanoseconds
        suspectSilenceNanoseconds = model.suspectSilenceNanoseconds
        intervals = model
    }
}
