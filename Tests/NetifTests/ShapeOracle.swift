// SPDX-License-Identifier: Apache-2.0

/// What must become of a packet, told a second time and in another manner: whole lists first,
/// verdicts after, in the order in which Linux comes to them.
enum ShapeOracle {
    enum Verdict: Equatable {
        case close
        case answer(slots: Int)
        case forward(slots: Int, pieces: [[Int]], size: Int, offload: [Int])
    }

    /// One slot as bytes, seen as either kind.
    struct Slot {
        var bytes: [UInt8]

        func half(_ at: Int) -> Int { Int(bytes[at]) + 256 * Int(bytes[at + 1]) }
        var page: Int { half(0) + 65_536 * half(2) }
        var offset: Int { half(4) }
        var size: Int { half(10) }
        var id: Int { half(8) }
        var more: Bool { half(6) % 8 >= 4 }
        var ownsExtras: Bool { half(6) % 16 >= 8 }
        var extraType: Int { Int(bytes[0]) }
        var extraMore: Bool { bytes[1] % 2 == 1 }
    }

    /// The slots up to and with the first that does not go on; nil when the list ends before, or
    /// after `most`.
    private static func chain(
        _ slots: ArraySlice<Slot>, most: Int, goesOn: (Slot) -> Bool
    ) -> ArraySlice<Slot>? {
        guard let last = slots.prefix(most).firstIndex(where: { !goesOn($0) }) else { return nil }
        return slots[...last]
    }

    /// Judges the packet at the start of `slots`, which are all that is published.
    static func verdict(_ slots: [Slot]) -> Verdict {
        let first = slots[0]
        var rest = slots[1...]
        var extras: ArraySlice<Slot> = []
        if first.ownsExtras {
            guard let found = chain(rest, most: 4, goesOn: \.extraMore) else { return .close }
            extras = found
            rest = rest[found.endIndex...]
        }
        if extras.contains(where: { !(1...4).contains($0.extraType) }) { return .close }
        if extras.contains(where: { [2, 3].contains($0.extraType) }) {
            return .answer(slots: 1 + extras.count)
        }
        var others: ArraySlice<Slot> = []
        if first.more {
            guard let found = chain(rest, most: 18, goesOn: \.more) else { return .close }
            others = found
        }
        if others.contains(where: { $0.offset + $0.size > 4096 }) { return .close }
        let slotCount = 1 + extras.count + others.count
        let own = first.size - others.reduce(0) { $0 + $1.size }
        if others.count > 17 || own < 14 { return .answer(slots: slotCount) }
        if first.offset + own > 4096 { return .close }
        var offload: [Int] = []
        if let last = extras.last(where: { $0.extraType == 1 }) {
            offload = [last.half(2), Int(last.bytes[4])]
            if offload[0] == 0 || ![1, 2].contains(offload[1]) { return .close }
        }
        var pieces = [[first.page, first.offset, own, 0]]
        for (index, other) in others.enumerated() where other.size != 0 {
            pieces.append([other.page, other.offset, other.size, 1 + extras.count + index])
        }
        return .forward(slots: slotCount, pieces: pieces, size: first.size, offload: offload)
    }
}
