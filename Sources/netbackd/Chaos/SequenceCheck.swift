// SPDX-License-Identifier: Apache-2.0

/// Looks at the numbers of packets as they arrive: which are missing, came twice or came late.
struct SequenceCheck: Sendable {
    /// Something that is not as it was sent.
    struct Anomaly: Sendable {
        enum Kind: Sendable { case lost, duplicated, reordered, damaged }
        var kind: Kind
        var number: UInt64
        /// When it was noticed.
        var at: UInt64
    }

    /// A run that loses more than this tells no more of it; the count of anomalies goes on.
    private static var missingMax: Int { 100_000 }

    private(set) var received: UInt64 = 0
    private var expected: UInt64 = 0
    private var missing: [UInt64: UInt64] = [:]
    /// Everything but losses, which are known at the end only.
    private var noticed: [Anomaly] = []

    /// Takes the next packet.
    mutating func take(_ number: UInt64, at now: UInt64) {
        received += 1
        if number == expected {
            expected = number + 1
        } else if number > expected {
            for lacking in expected..<number where missing.count < Self.missingMax {
                missing[lacking] = now
            }
            expected = number + 1
        } else if missing.removeValue(forKey: number) != nil {
            noticed.append(Anomaly(kind: .reordered, number: number, at: now))
        } else {
            noticed.append(Anomaly(kind: .duplicated, number: number, at: now))
        }
    }

    /// Takes a packet whose bytes are not those that were sent.
    mutating func takeDamaged(at now: UInt64) {
        noticed.append(Anomaly(kind: .damaged, number: 0, at: now))
    }

    /// Everything that was noticed, once nothing more is under way of `sent` packets.
    func anomalies(sent: UInt64, at end: UInt64) -> [Anomaly] {
        var all = noticed
        for (number, at) in missing { all.append(Anomaly(kind: .lost, number: number, at: at)) }
        if sent > expected {
            for number in expected..<sent {
                all.append(Anomaly(kind: .lost, number: number, at: end))
            }
        }
        return all
    }
}
