// SPDX-License-Identifier: Apache-2.0
import NetBack

/// What `ringctl events --json` says. Times are nanoseconds of the monotonic clock.
struct EventsDocument: Encodable {
    var schema = "ringctl.events/1"
    var events: [Event]
    var takeovers: [Takeover]
    var log: [String]?

    struct Event: Encodable {
        var atNanoseconds: UInt64
        var kind: String
        var process: UInt32
        var worker: Int?
        var vif: String?
        var queue: UInt32?
        var direction: String?
        var text: String
    }

    struct Takeover: Encodable {
        var atNanoseconds: UInt64
        var cause: String?
        var workers: Int
        var detectionNanoseconds: UInt64?
        var fencingNanoseconds: UInt64
        var resumptionNanoseconds: UInt64
        var firstPacketsNanoseconds: UInt64?
    }

    init(_ events: [PairEvent], _ stories: [TakeoverStory], log: [String]?) {
        self.log = log
        self.events = events.map { event in
            Event(
                atNanoseconds: event.nanoseconds, kind: event.kindName, process: event.process,
                worker: event.worker, vif: event.vif.map { "\($0)" },
                queue: event.vif == nil ? nil : event.queue,
                direction: event.direction.map { $0 == .transmit ? "tx" : "rx" },
                text: event.sentence)
        }
        takeovers = stories.map { story in
            Takeover(
                atNanoseconds: story.lockedAt, cause: story.cause, workers: story.workers,
                detectionNanoseconds: story.detection, fencingNanoseconds: story.fencing,
                resumptionNanoseconds: story.resumption,
                firstPacketsNanoseconds: story.firstPackets)
        }
    }
}
