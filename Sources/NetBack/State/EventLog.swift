// SPDX-License-Identifier: Apache-2.0
public import Heartbeat
import Platform
public import Ring
public import SharedMemory

/// The last 128 events of a backend or a pair, whoever wrote them.
///
/// | word of a record | |
/// |---|---|
/// | 1 | kind |
/// | 2-3 | time in nanoseconds, low half first |
/// | 4 | process |
/// | 5 | worker + 1, 0 for none |
/// | 6 | 1 if there is a vif |
/// | 7-9 | its domain, its device, the queue |
/// | 10 | 1 for Tx, 2 for Rx, 0 for none |
/// | 11-12, 13-14 | begin, end |
/// | 15 | count |
/// | 16-31 | text |
public struct EventLog<Words: SharedWords> {
    static var recordWordCount: Int { 32 }
    private static var textWord: Int { 16 }
    private static var textWordCount: Int { 16 }

    private let ring: RecordRing<Words>

    /// Words that it needs.
    public static var wordCount: Int {
        RecordRing<Words>.wordCount(recordWordCount: recordWordCount)
    }

    /// The log that starts at a word.
    public init(_ words: Words, at first: Int) {
        ring = RecordRing(words, at: first, recordWordCount: Self.recordWordCount)
    }

    /// The number that the next event will have.
    public var nextNumber: RingIndex { ring.nextNumber }

    /// The events from a number on that are still there, oldest first.
    public func events(since number: RingIndex? = nil) -> [(number: RingIndex, event: PairEvent)] {
        ring.read(since: number) { event(at: $0) }.map { ($0.number, $0.record) }
    }

    private func event(at place: Int) -> PairEvent {
        func word(_ number: Int) -> UInt32 { ring.words.loadAcquire(at: place + number) }
        func time(_ number: Int) -> UInt64 {
            UInt64(word(number)) | UInt64(word(number + 1)) << 32
        }
        var event = PairEvent(rawKind: word(1), at: time(2))
        event.process = word(4)
        let worker = word(5)
        if worker > 0 { event.worker = Int(worker - 1) }
        if word(6) == 1, let domain = UInt16(exactly: word(7)) {
            event.vif = VifID(domain: DomainID(domain), device: word(8))
        }
        event.queue = word(9)
        switch word(10) {
        case 1: event.direction = .transmit
        case 2: event.direction = .receive
        default: break
        }
        event.begin = time(11)
        event.end = time(13)
        event.count = word(15)
        event.text = text(at: place).read()
        return event
    }

    private func text(at place: Int) -> TextField<Words> {
        TextField(ring.words, at: place + Self.textWord, wordCount: Self.textWordCount)
    }
}

extension EventLog where Words: ContendedWords {
    /// Keeps an event. Any process, any thread; not on the packet path.
    public func append(_ event: PairEvent) {
        ring.append { place in
            func put(_ value: UInt32, _ number: Int) {
                // release: see RecordRing.
                ring.words.storeRelease(value, at: place + number)
            }
            func put(_ time: UInt64, _ number: Int) {
                put(UInt32(truncatingIfNeeded: time), number)
                put(UInt32(truncatingIfNeeded: time >> 32), number + 1)
            }
            put(event.rawKind, 1)
            put(event.nanoseconds, 2)
            put(event.process, 4)
            put(event.worker.map { UInt32(truncatingIfNeeded: $0 + 1) } ?? 0, 5)
            put(event.vif == nil ? UInt32(0) : 1, 6)
            put(UInt32(event.vif?.domain.rawValue ?? 0), 7)
            put(event.vif?.device ?? 0, 8)
            put(event.queue, 9)
            switch event.direction {
            case .transmit: put(UInt32(1), 10)
            case .receive: put(UInt32(2), 10)
            case nil: put(UInt32(0), 10)
            }
            put(event.begin, 11)
            put(event.end, 13)
            put(event.count, 15)
            text(at: place).write(event.text)
        }
    }
}

extension EventLog: Sendable where Words: Sendable {}
