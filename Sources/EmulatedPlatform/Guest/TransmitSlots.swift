// SPDX-License-Identifier: Apache-2.0

/// What the frontend remembers of each Tx id from sending to the answer; fixed tables.
///
/// Ids come from a free list, so that an id says nothing about the slot it travels in.
struct TransmitSlots: ~Copyable {
    /// How far a request with some id has come.
    enum State: UInt8 {
        case neverSent
        /// Written into the ring, not yet published.
        case staged
        case pending
        case answered
    }

    static var count: Int { 256 }

    private var states = [State](repeating: .neverSent, count: count)
    private var pages = [Int](repeating: 0, count: count)
    private var extras = [UInt8](repeating: 0, count: count)
    private var free = (0..<count).map { UInt16($0) }
    private(set) var freeCount = count
    private var staged = [UInt16](repeating: 0, count: count)
    private var stagedCount = 0

    /// Ids that wait for an answer, published or not.
    var outstandingCount: Int { TransmitSlots.count - freeCount }

    func state(of id: UInt16) -> State { states[Int(id)] }

    /// Takes an id for a page. The caller looked that one is free.
    mutating func take(page: Int) -> UInt16 {
        precondition(freeCount > 0, "no transmit id is free")
        freeCount -= 1
        let id = free[freeCount]
        states[Int(id)] = .staged
        pages[Int(id)] = page
        extras[Int(id)] = 0
        staged[stagedCount] = id
        stagedCount += 1
        return id
    }

    /// Notes that a packet's first request is followed by an extra info.
    mutating func noteExtra(after id: UInt16) { extras[Int(id)] += 1 }

    /// Everything staged is published.
    mutating func publish() {
        for position in 0..<stagedCount { states[Int(staged[position])] = .pending }
        stagedCount = 0
    }

    /// Frees an answered id: its page, and how many extra infos followed it.
    mutating func answer(_ id: UInt16) -> (page: Int, extras: Int) {
        states[Int(id)] = .answered
        free[freeCount] = id
        freeCount += 1
        return (pages[Int(id)], Int(extras[Int(id)]))
    }
}
