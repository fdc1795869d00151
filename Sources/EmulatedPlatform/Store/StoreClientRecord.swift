// SPDX-License-Identifier: Apache-2.0
import Platform

/// What the store keeps of one connection.
struct StoreClientRecord {
    let domain: DomainID
    var watches: Set<StoreWatchKey> = []
    var transactions: Set<UInt32> = []
    /// More watch events came than may wait; the rest was dropped.
    private(set) var hasLostEvents = false

    private struct Event: Hashable {
        var path: String
        var token: String
    }
    private var events: [Event] = []
    private var firstEvent = 0
    private var waiting: Set<Event> = []

    init(domain: DomainID) { self.domain = domain }

    var hasEvents: Bool { firstEvent < events.count }

    /// Keeps an event unless the same one waits already: a second one would say nothing new, and
    /// a guest that writes one node in a loop would fill other domains' queues.
    mutating func append(path: String, token: String, countMax: Int) {
        let event = Event(path: path, token: token)
        guard !hasLostEvents, waiting.insert(event).inserted else { return }
        guard waiting.count <= countMax else {
            hasLostEvents = true
            dropEvents()
            return
        }
        events.append(event)
    }

    mutating func nextEvent() -> StoreWatchEvent? {
        guard firstEvent < events.count else { return nil }
        let event = events[firstEvent]
        firstEvent += 1
        waiting.remove(event)
        if firstEvent == events.count {
            events.removeAll(keepingCapacity: true)
            firstEvent = 0
        } else if firstEvent >= 1024, firstEvent * 2 >= events.count {
            events.removeFirst(firstEvent)
            firstEvent = 0
        }
        return StoreWatchEvent(path: event.path, token: event.token)
    }

    mutating func dropEvents() {
        events = []
        firstEvent = 0
        waiting = []
    }
}
