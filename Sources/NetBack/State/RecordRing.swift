// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import Ring
import SharedMemory

/// The last records of several writers in different processes, in shared words: the oldest one
/// gives way to the newest. Not for the packet path.
///
/// | word | |
/// |---|---|
/// | 0 | the number of the next record, modulo 2^32 |
/// | 1-15 | zero |
/// | 16... | records of a fixed size; word 0 of each is its *stamp* |
///
/// The stamp is the record's number plus one, and 0 while it is written: a reader that finds the
/// same stamp before and after has read one record. A writer that dies meanwhile leaves a record
/// that nobody reads, and nobody waits for.
struct RecordRing<Words: SharedWords> {
    /// Records that are kept; a power of two.
    static var count: Int { 128 }
    /// Words before the first record.
    static var headerWordCount: Int { 16 }
    /// Attempts to be the next writer, while others are faster.
    private static var attemptsMax: Int { 1000 }

    /// The memory.
    let words: Words
    private let first: Int
    private let recordWordCount: Int

    /// Words that records of this size need.
    static func wordCount(recordWordCount: Int) -> Int {
        headerWordCount + count * recordWordCount
    }

    init(_ words: Words, at first: Int, recordWordCount: Int) {
        self.words = words
        self.first = first
        self.recordWordCount = recordWordCount
    }

    /// Records that were ever written, modulo 2^32.
    var nextNumber: RingIndex {
        // acquire: pairs with the exchange in append.
        RingIndex(words.loadAcquire(at: first))
    }

    private func place(_ number: RingIndex) -> Int {
        first + Self.headerWordCount + number.slot(of: UInt32(Self.count)) * recordWordCount
    }

    /// Reads the records from a number on, oldest first: those of them that are still there and
    /// whole.
    ///
    /// `body` is given where a record starts, and may be called for one that is overwritten
    /// meanwhile, of which the result is dropped.
    func read<Record>(
        since start: RingIndex?, _ body: (_ place: Int) -> Record?
    ) -> [(number: RingIndex, record: Record)] {
        let end = nextNumber
        let kept = UInt32(Self.count)
        var found: [(RingIndex, Record)] = []
        var left = kept
        if let start { left = min(left, end.distance(from: start)) }
        while left > 0 {
            // `left` before the end.
            let number = RingIndex(0).advanced(by: end.distance(from: RingIndex(left)))
            left -= 1
            let place = place(number)
            // acquire: pairs with the release of the stamp in append.
            let stamp = words.loadAcquire(at: place)
            guard stamp == number.next.rawValue, stamp != 0, let record = body(place) else {
                continue
            }
            // relaxed: ordered by the acquires of the record's words.
            if words.loadRelaxed(at: place) == stamp { found.append((number, record)) }
        }
        return found
    }
}

extension RecordRing where Words: ContendedWords {
    /// Writes one; `body` is given where it starts, and leaves the first word alone.
    func append(_ body: (_ place: Int) -> Void) {
        for _ in 0..<Self.attemptsMax {
            let number = nextNumber
            // acquire and release: of two writers one has the number.
            guard
                words.compareExchange(
                    expected: number.rawValue, desired: number.next.rawValue, at: first)
            else { continue }
            let place = place(number)
            // relaxed: made visible, before any word of the record, by the releases of those.
            words.storeRelaxed(0, at: place)
            body(place)
            // release: the record is complete.
            words.storeRelease(number.next.rawValue, at: place)
            return
        }
    }
}

extension RecordRing: Sendable where Words: Sendable {}
