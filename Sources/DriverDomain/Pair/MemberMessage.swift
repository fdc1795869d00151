// SPDX-License-Identifier: Apache-2.0

/// What the processes of a pair tell each other, with a number and perhaps descriptors.
///
/// The numbers are a wire format: a handover is between two versions of the program.
enum MemberMessage: Equatable, Sendable {
    /// Parent to shadow: the primary is at the other end of the first descriptor, and the second
    /// is its pidfd.
    case follow
    /// Parent to primary: a shadow is at the other end of the descriptor.
    case attend
    /// Parent to primary: let go of everything, the shadow goes on.
    case handOver
    /// Primary to shadow: a queue is served, which the page of this number in the journal
    /// describes; the descriptor is its TAP.
    case queue(slot: UInt32)
    /// Primary to shadow: what wakes its workers, from that number on.
    case mail(first: UInt32)
    /// Primary to shadow: those were all that there are at present.
    case complete
    /// Primary to shadow: let go of a queue, it is about to close.
    case forget(slot: UInt32)
    /// Shadow to primary: it let go, or never held it.
    case forgot(slot: UInt32)
    /// Shadow to parent: it holds everything, and takes over when it must.
    case standing
    /// Member to parent: its workers serve.
    case serving
    /// Primary to parent: the shadow does not answer and is in the way.
    case shadowHangs
    /// Shadow to parent: the primary cannot be killed; nothing is taken over.
    case primaryStuck
    /// Someone to a pair's parent: hand over to me. The number is the journal's version.
    case takeOverPair(version: UInt32)
    /// Parent to someone who wants to take over: the region, the socket for such requests, and
    /// the claim to the domain; then the event channels' descriptors in `descriptors` messages.
    case pair(primary: UInt32)
    /// More descriptors.
    case descriptors(count: UInt32)
    /// Parent to someone who wants to take over: no, and why.
    case refused(reason: UInt32)
    /// New parent to old parent: the new member holds everything; let the primary hand over.
    case ready
    /// Parent to primary: look at a queue as if its guest had notified.
    case kick(slot: UInt32)

    private var words: (kind: UInt32, value: UInt32) {
        switch self {
        case .follow: (1, 0)
        case .attend: (2, 0)
        case .handOver: (3, 0)
        case .queue(let slot): (4, slot)
        case .complete: (5, 0)
        case .forget(let slot): (6, slot)
        case .forgot(let slot): (7, slot)
        case .standing: (8, 0)
        case .serving: (9, 0)
        case .shadowHangs: (10, 0)
        case .primaryStuck: (11, 0)
        case .takeOverPair(let version): (12, version)
        case .pair(let primary): (13, primary)
        case .descriptors(let count): (14, count)
        case .refused(let reason): (15, reason)
        case .ready: (16, 0)
        case .mail(let first): (17, first)
        case .kick(let slot): (18, slot)
        }
    }

    /// Eight bytes, little endian.
    var bytes: [UInt8] {
        let (kind, value) = words
        return (0..<8).map { position in
            let word = position < 4 ? kind : value
            return UInt8(truncatingIfNeeded: word >> UInt32(8 * (position % 4)))
        }
    }

    /// Reads one; nil for anything else.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 8 else { return nil }
        var words: [UInt32] = [0, 0]
        for (position, byte) in bytes.enumerated() {
            words[position / 4] |= UInt32(byte) << UInt32(8 * (position % 4))
        }
        let value = words[1]
        switch words[0] {
        case 1: self = .follow
        case 2: self = .attend
        case 3: self = .handOver
        case 4: self = .queue(slot: value)
        case 5: self = .complete
        case 6: self = .forget(slot: value)
        case 7: self = .forgot(slot: value)
        case 8: self = .standing
        case 9: self = .serving
        case 10: self = .shadowHangs
        case 11: self = .primaryStuck
        case 12: self = .takeOverPair(version: value)
        case 13: self = .pair(primary: value)
        case 14: self = .descriptors(count: value)
        case 15: self = .refused(reason: value)
        case 16: self = .ready
        case 17: self = .mail(first: value)
        case 18: self = .kick(slot: value)
        default: return nil
        }
    }
}
