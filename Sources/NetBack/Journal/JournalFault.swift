// SPDX-License-Identifier: Apache-2.0
public import Ring

/// Why a journal, or a part of it, cannot be believed.
public enum JournalFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The first word is not ours.
    case foreignMagic(UInt32)
    /// Another version of the layout than this program's.
    case version(found: UInt32, known: UInt32)
    /// More pages are claimed than the memory has.
    case pageCount(claimed: UInt64, room: Int)
    /// The indices of a half contradict each other or its ring.
    case indices(published: RingIndex, done: RingIndex, intended: RingIndex, producer: RingIndex)

    /// As an operator reads it in a log.
    public var description: String {
        switch self {
        case .foreignMagic(let word): "not a journal: it starts with \(word)"
        case .version(let found, let known):
            "a journal of version \(found), and this program knows version \(known)"
        case .pageCount(let claimed, let room):
            "a journal of \(claimed) pages in memory for \(room)"
        case .indices(let published, let done, let intended, let producer):
            "the journal contradicts its ring: rsp_prod=\(published) done=\(done) "
                + "intended=\(intended) req_prod=\(producer)"
        }
    }
}
