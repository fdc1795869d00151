// SPDX-License-Identifier: Apache-2.0
// Roles: one process formats the page; each worker writes its own slot and no other; successors
// write the lease; anyone reads.
public import SharedMemory

/// Memory in which workers show that they are alive: a header and one slot for each worker.
///
/// All fields are 32-bit words. A header and a slot are one cache line of 64 bytes each, so that
/// no worker's beat disturbs another's.
///
/// | header word | field | written by |
/// |---|---|---|
/// | 0 | magic, `0x42484455` | the formatter, last |
/// | 1 | version, 2 | the formatter |
/// | 2 | number of slots | the formatter |
/// | 3 | lease: the epoch that may write rings, 0 for none | each successor |
/// | 4-15 | zero | |
///
/// | slot word | field | written by |
/// |---|---|---|
/// | 0 | sequence: twice the number of beats; odd while words 1, 2, 6 and 7 change | its worker |
/// | 1 | low half of the last beat's time in nanoseconds | its worker |
/// | 2 | its high half | its worker |
/// | 3 | activity, see `Activity` | its worker |
/// | 4 | packets carried from guests, modulo 2^32 | its worker |
/// | 5 | packets carried to guests, modulo 2^32 | its worker |
/// | 6 | low half of the time until which the worker rests or has rested | its worker |
/// | 7 | its high half | its worker |
/// | 8-15 | zero | |
public struct HeartbeatPage<Words: SharedWords> {
    /// The memory.
    public let words: Words
    /// How many workers it has room for.
    public let slotCount: Int
    /// Words of a slot, and of the header.
    public static var wordsPerSlot: Int { HeartbeatLayout.wordsPerSlot }

    /// Makes a page with `slotCount` slots in which nobody has ever beaten.
    ///
    /// Too little memory is our own bug.
    public init(formatting words: Words, slotCount: Int) {
        let room = HeartbeatLayout.slotRoom(wordCount: words.wordCount)
        precondition(slotCount >= 0 && slotCount <= room, "more slots than memory")
        // relaxed: nobody looks before the magic is there.
        for word in 0..<HeartbeatLayout.firstWord(ofSlot: slotCount) {
            words.storeRelaxed(0, at: word)
        }
        words.storeRelaxed(HeartbeatLayout.currentVersion, at: HeartbeatLayout.version)
        words.storeRelaxed(UInt32(slotCount), at: HeartbeatLayout.slots)
        // release: pairs with the acquire in init(attachingTo:); the page is complete.
        words.storeRelease(HeartbeatLayout.expectedMagic, at: HeartbeatLayout.magic)
        self.words = words
        self.slotCount = slotCount
    }

    /// Takes up a page that another process formatted.
    ///
    /// - Throws: `HeartbeatFault` when the header makes no sense for this memory.
    public init(attachingTo words: Words) throws(HeartbeatFault) {
        let room = HeartbeatLayout.slotRoom(wordCount: words.wordCount)
        guard room >= 0 else { throw .slotCount(claimed: 0, room: 0) }
        // acquire: pairs with the release in init(formatting:slotCount:).
        let magic = words.loadAcquire(at: HeartbeatLayout.magic)
        guard magic == HeartbeatLayout.expectedMagic else { throw .foreignMagic(magic) }
        // relaxed: ordered by the magic.
        let version = words.loadRelaxed(at: HeartbeatLayout.version)
        guard version == HeartbeatLayout.currentVersion else { throw .unknownVersion(version) }
        let claimed = words.loadRelaxed(at: HeartbeatLayout.slots)
        guard Int(claimed) <= room else { throw .slotCount(claimed: claimed, room: room) }
        self.words = words
        slotCount = Int(claimed)
    }

    /// The writer of a slot. Caller: the slot's worker, once.
    public func pulse(ofSlot slot: Int) -> Pulse<Words> {
        Pulse(words: words, firstWord: firstWord(ofSlot: slot))
    }

    /// The last beat of a slot; nil when none was ever made, or its worker died making one.
    ///
    /// Ends after a few attempts, whatever the writer does: a reader that loses to its writer that
    /// often looks again at its next turn.
    public func lastBeat(ofSlot slot: Int) -> Beat? {
        let first = firstWord(ofSlot: slot)
        for _ in 0..<HeartbeatLayout.attempts {
            // acquire: pairs with the release of an even sequence in Pulse.close; the times are
            // at least those of that beat.
            let before = words.loadAcquire(at: first + HeartbeatLayout.sequence)
            if before == 0 { return nil }
            guard before % 2 == 0 else { continue }
            let time = time(at: first + HeartbeatLayout.timeLow)
            let quietUntil = self.time(at: first + HeartbeatLayout.quietLow)
            // relaxed: ordered by the acquires of the four halves.
            if words.loadRelaxed(at: first + HeartbeatLayout.sequence) == before {
                return Beat(sequence: before, nanoseconds: time, quietUntil: quietUntil)
            }
        }
        return nil
    }

    /// What the slot's worker was doing; nil for a number that means nothing.
    public func activity(ofSlot slot: Int) -> Activity? {
        // relaxed: one word, read for people.
        let first = firstWord(ofSlot: slot)
        return Activity(rawValue: words.loadRelaxed(at: first + HeartbeatLayout.activity))
    }

    /// Packets that the slot's worker carried, modulo 2^32. Directions are the frontend's.
    public func progress(ofSlot slot: Int) -> (transmit: UInt32, receive: UInt32) {
        // relaxed: two counters that need not fit together.
        let first = firstWord(ofSlot: slot)
        return (
            words.loadRelaxed(at: first + HeartbeatLayout.transmitPackets),
            words.loadRelaxed(at: first + HeartbeatLayout.receivePackets)
        )
    }

    /// The page's lease.
    public var lease: Lease<Words> { Lease(words: words, word: HeartbeatLayout.lease) }

    private func time(at word: Int) -> UInt64 {
        // acquire: pairs with the release of each half in Pulse.store; whoever sees a later half
        // sees the odd sequence that came before it.
        let low = words.loadAcquire(at: word)
        let high = words.loadAcquire(at: word + 1)
        return UInt64(high) << 32 | UInt64(low)
    }

    private func firstWord(ofSlot slot: Int) -> Int {
        precondition(slot >= 0 && slot < slotCount, "a slot that the page does not have")
        return HeartbeatLayout.firstWord(ofSlot: slot)
    }
}

extension HeartbeatPage: Sendable where Words: Sendable {}

/// The numbers of `HeartbeatPage`'s tables.
@usableFromInline
enum HeartbeatLayout {
    static let expectedMagic: UInt32 = 0x4248_4455
    static let currentVersion: UInt32 = 2
    static let wordsPerSlot = 16
    static let attempts = 4

    static let magic = 0
    static let version = 1
    static let slots = 2
    static let lease = 3

    @usableFromInline static var sequence: Int { 0 }
    @usableFromInline static var timeLow: Int { 1 }
    @usableFromInline static var timeHigh: Int { 2 }
    @usableFromInline static var activity: Int { 3 }
    @usableFromInline static var transmitPackets: Int { 4 }
    @usableFromInline static var receivePackets: Int { 5 }
    @usableFromInline static var quietLow: Int { 6 }
    @usableFromInline static var quietHigh: Int { 7 }

    /// The header is as large as a slot.
    static func firstWord(ofSlot slot: Int) -> Int { (slot + 1) * wordsPerSlot }

    /// Slots that fit, -1 when not even the header does.
    static func slotRoom(wordCount: Int) -> Int { wordCount / wordsPerSlot - 1 }
}
