// SPDX-License-Identifier: Apache-2.0

/// What the user of `ringctl watch` has chosen, and what keys change of it.
struct WatchState: Equatable {
    /// By what vifs are sorted.
    enum Order: String, CaseIterable {
        case name, tx, rx, wait, health
    }

    var order = Order.name
    var isPaused = false
    var isEnding = false
    /// The line that is marked.
    var selection = 0
    /// The vif that is looked into, nil for the list.
    var isInside = false

    /// Obeys a key. `count` is how many lines can be marked.
    mutating func press(_ key: Key, count: Int) {
        switch key {
        case .character("q"), .character("\u{3}"): isEnding = true
        case .character("p"), .character(" "): isPaused.toggle()
        case .character("s"):
            let all = Order.allCases
            let next = (all.firstIndex(of: order) ?? 0) + 1
            order = all[next % all.count]
        case .up, .character("k"): selection = max(0, selection - 1)
        case .down, .character("j"): selection = min(max(0, count - 1), selection + 1)
        case .enter: isInside = count > 0
        case .escape, .character("b"): isInside = false
        case .character: break
        }
        selection = min(selection, max(0, count - 1))
    }

    /// Vifs in the chosen order.
    func sorted(_ rows: [VifRow]) -> [VifRow] {
        func value(_ row: VifRow) -> Double {
            switch order {
            case .name: 0
            case .tx: row.rates.map { $0.transmitPackets ?? $0.transmitSlots } ?? 0
            case .rx: row.rates.map { $0.receivePackets ?? $0.receiveSlots } ?? 0
            case .wait: Double(row.rates?.waiting ?? 0)
            case .health: Double(row.findings.count)
            }
        }
        return rows.sorted { left, right in
            let (a, b) = (value(left), value(right))
            return a != b ? a > b : left.look.vif < right.look.vif
        }
    }
}

/// A key of the keyboard.
enum Key: Equatable {
    case character(Character)
    case up, down, enter, escape

    /// The keys in what a terminal sent.
    static func all(in bytes: [UInt8]) -> [Key] {
        var keys: [Key] = []
        var rest = bytes[...]
        while let byte = rest.first {
            rest = rest.dropFirst()
            switch byte {
            case 0x1B where rest.starts(with: [0x5B, 0x41]):
                keys.append(.up)
                rest = rest.dropFirst(2)
            case 0x1B where rest.starts(with: [0x5B, 0x42]):
                keys.append(.down)
                rest = rest.dropFirst(2)
            case 0x1B where rest.first == 0x5B:
                // Another sequence: up to the letter that ends it.
                rest = rest.drop { !(0x40...0x7E).contains($0) || $0 == 0x5B }.dropFirst()
            case 0x1B: keys.append(.escape)
            case 0x0A, 0x0D: keys.append(.enter)
            default: keys.append(.character(Character(Unicode.Scalar(byte))))
            }
        }
        return keys
    }
}
