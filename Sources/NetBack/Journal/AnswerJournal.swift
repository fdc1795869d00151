// SPDX-License-Identifier: Apache-2.0
import Ring
import SharedMemory

/// What the journals of both directions keep of a ring: answers, and how far they got.
protocol AnswerJournal {
    /// Up to where answers are kept.
    var done: RingIndex { get }
    /// Up to where answers were published: `rsp_prod`, or `done` before it was noted.
    var published: RingIndex { get }
    /// Whether the indices are such as a worker writes, `rings` apart at most.
    func isConsistent(rings: UInt32) -> Bool
    /// The answer to the slot at an index before `done`.
    func answer(at index: RingIndex) -> SlotWords
    /// The answers up to an index are in the ring, and shown.
    func notePublished(_ index: RingIndex)
}

extension TransmitJournal: AnswerJournal {}
extension ReceiveJournal: AnswerJournal {}

extension BackRing {
    /// Goes on where the last owner stood, as `journal` has it.
    ///
    /// - Returns: false if that cannot be believed; the ring is as it was then.
    /// - Throws: `RingFault` when `rsp_prod` is where nobody but the guest can have moved it.
    mutating func takeUp(_ journal: some AnswerJournal) throws(RingFault) -> Bool {
        let done = journal.done
        let page = RingSnapshot(reading: words, slotCount: Format.slotCount)
        let published = page.responseProducer
        let isConsistent = journal.isConsistent(rings: 1)
        guard
            !page.isPlausible || !isConsistent || published == done
                || published == journal.published
        else { throw .responsesMoved(to: published, published: journal.published) }
        let state = BackRingState(
            requestConsumer: done, privateResponseProducer: published,
            publishedResponses: published)
        guard isConsistent, let resumed = try? BackRing(resuming: state, over: words) else {
            return false
        }
        self = resumed
        return true
    }

    /// Writes kept answers into the ring and shows them. Caller: after `takeUp`, which found the
    /// journal's `done` possible and took it for the ring's; it is not read again.
    mutating func publishAnswers(of journal: some AnswerJournal) {
        while privateResponseProducer != requestConsumer {
            stageResponse(journal.answer(at: privateResponseProducer))
        }
        // The guest is notified in any case: the last owner may have died before it did so.
        _ = publishResponses()
        journal.notePublished(publishedResponses)
    }
}
