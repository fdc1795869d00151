// SPDX-License-Identifier: Apache-2.0

/// What a test has seen, for the line that it prints at its end.
struct Coverage: CustomStringConvertible {
    var runs = 0
    /// Effects, or steps, in which a backend was ended.
    var crashPoints = 0
    var takeovers = 0
    var framesToHost = 0
    var framesToGuest = 0
    var recovered = 0
    var sentBefore = 0
    var emergencies = 0
    /// Queues that ended too many backends.
    var isolated = 0

    mutating func add(_ world: CrashWorld) {
        runs += 1
        takeovers += world.crashCount
        framesToHost += world.lines.reduce(0) { $0 + $1.fromGuest.count }
        framesToGuest += world.queues.reduce(0) { $0 + $1.received.count }
        recovered += world.found.recovered
        sentBefore += world.found.sentBefore
        emergencies += world.found.faults.count
    }

    mutating func add(_ world: RandomWorld) {
        runs += 1
        crashPoints += world.crashPoints
        takeovers += world.deathCount
        framesToHost += world.guests.reduce(0) { $0 + $1.line.fromGuest.count }
        framesToGuest += world.guests.reduce(0) { $0 + ($1.honest?.received.count ?? 0) }
        recovered += world.found.recovered
        sentBefore += world.found.sentBefore
        emergencies += world.found.faults.count
        isolated += world.guests.count { $0.isIsolated }
    }

    var description: String {
        "runs \(runs), crash points \(crashPoints), takeovers \(takeovers), frames to the host "
            + "\(framesToHost), to guests \(framesToGuest), recovered \(recovered), sent before "
            + "\(sentBefore), emergency answers \(emergencies), isolated \(isolated)"
    }
}
