// SPDX-License-Identifier: Apache-2.0

/// Why memory is no heartbeat page.
public enum HeartbeatFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The first word is not ours.
    case foreignMagic(UInt32)
    /// A layout that this program does not know.
    case unknownVersion(UInt32)
    /// More slots are claimed than the memory has room for.
    case slotCount(claimed: UInt32, room: Int)

    /// As an operator reads it in a log.
    public var description: String {
        switch self {
        case .foreignMagic(let word): "not a heartbeat page: it starts with \(word)"
        case .unknownVersion(let version): "a heartbeat page of version \(version)"
        case .slotCount(let claimed, let room):
            "a heartbeat page of \(claimed) slots in memory for \(room)"
        }
    }
}
