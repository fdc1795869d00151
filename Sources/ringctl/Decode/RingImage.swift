// SPDX-License-Identifier: Apache-2.0
import Ring
import SharedMemory

/// A copy of a ring page, to be decoded at leisure. It accepts any bytes at all.
struct RingImage<Format: RingFormat> {
    /// The four indices.
    let indices: RingSnapshot
    private let words: CopiedWords

    /// Takes a copy of a page. Both ends went on while it was made, so that slots may be newer
    /// than the indices.
    init(_ words: CopiedWords) {
        indices = RingSnapshot(reading: words, slotCount: Format.slotCount)
        self.words = words
    }

    /// Positions whose requests have no response: those that the indices name, or the whole ring
    /// where the indices make no sense.
    var unanswered: [RingIndex] {
        let count = min(indices.unansweredCount, Format.slotCount)
        return (0..<count).map { indices.responseProducer.advanced(by: $0) }
    }

    /// The words of one slot, as those of a request.
    func slot(at index: RingIndex) -> SlotWords {
        let first = Format.firstWord(of: index)
        func word(_ number: Int) -> UInt32 {
            number < Format.wordsPerRequest ? words.loadRelaxed(at: first + number) : 0
        }
        return SlotWords(word(0), word(1), word(2), word(3))
    }

    /// The indices under the names that they have in Xen's headers, with their distance from
    /// `rsp_prod` in parentheses; below them what its backend keeps.
    func lines(with page: HalfPage? = nil) -> [String] {
        let rows = [
            ("req_prod", indices.requestProducer, "req_event", indices.requestEvent),
            ("rsp_prod", indices.responseProducer, "rsp_event", indices.responseEvent),
        ]
        var table = TextTable(["  nr_ents", "\(Format.slotCount)", "unanswered", unansweredText])
        for (leftName, left, rightName, right) in rows {
            table.append(["  \(leftName)", text(left), rightName, text(right)])
        }
        for row in page?.rows(text) ?? [] { table.append(row) }
        return table.lines
    }

    private var unansweredText: String {
        let count = "\(indices.unansweredCount)"
        return indices.isPlausible
            ? count : "\(count)  IMPLAUSIBLE: more requests than the ring has slots"
    }

    private func text(_ index: RingIndex) -> String {
        guard index != indices.responseProducer else { return "\(index) (base)" }
        let distance = Int32(bitPattern: index.distance(from: indices.responseProducer))
        return "\(index) (\(distance > 0 ? "+" : "")\(distance))"
    }
}
