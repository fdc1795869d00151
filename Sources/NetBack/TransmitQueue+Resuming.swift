// SPDX-License-Identifier: Apache-2.0
// Takes up a Tx ring whose last owner died anywhere (docs/TAKEOVER.md).
import Netif
import Platform
import Ring
import SharedMemory

extension TransmitQueue where Port: ~Copyable {
    /// Continues from the journal: writes the answers that were kept and not published, and finds
    /// out which packets of an unfinished step have reached the host.
    ///
    /// Packets from `done` on are read and checked anew, as if nobody had seen them.
    /// - Parameter step: the step in which the last owner died, if it was one of this half.
    /// - Returns: what is wrong with the journal; then every packet that it left is answered with
    ///   an error, and the ring goes on.
    /// - Throws: `QueueFault` when the ring itself is impossible.
    public mutating func resume(
        _ step: WorkerJournal<Words>.Step?
    ) throws(QueueFault) -> JournalFault? {
        statistics = record.statistics
        // A stall that was made on purpose ends with its maker.
        record.stall(false)
        isPending = true
        isDisabled = record.isDisabled
        let (done, intended) = (journal.done, journal.intended)
        do throws(RingFault) {
            if try !ring.takeUp(journal) {
                let producer = RingIndex(words.loadRelaxed(at: RingLayout.requestProducer))
                // A page that is impossible by itself is the guest's fault; then this throws.
                try answerEverything()
                return .indices(
                    published: journal.published, done: done, intended: intended,
                    producer: producer)
            }
        } catch {
            throw .transmitRing(error)
        }
        count(step, done: done, intended: intended)
        ring.publishAnswers(of: journal)
        return nil
    }

    /// How many frames of an unfinished step have reached the host: the host counted them.
    private mutating func count(
        _ step: WorkerJournal<Words>.Step?, done: RingIndex, intended: RingIndex
    ) {
        frameCount = journal.frames
        sentBefore = 0
        guard let step else { return }
        guard let traffic = traffic() else {
            // Nobody knows: what was not answered goes out again.
            return
        }
        if step.base == done && intended != done {
            let passed = RingIndex(traffic.framesTaken).distance(
                from: RingIndex(step.framesBefore))
            // More than there were packets is no count of ours.
            if passed <= intended.distance(from: done) { sentBefore = passed }
        }
        frameCount = traffic.framesTaken
    }

    /// Without a journal that can be believed: the ids of requests survive in their slots, so
    /// each of them is answered with an error. Their packets are lost, and nobody is worse off.
    private mutating func answerEverything() throws(RingFault) {
        ring = try BackRing(attachingTo: words)
        frameCount = traffic()?.framesTaken ?? 0
        let available = try ring.unconsumedRequestCount()
        var isExtra = false
        for _ in 0..<available {
            let words = ring.copyRequest(offset: 0)
            let request = TransmitRequest(words)
            ring.consumeRequests(1)
            let answer =
                isExtra
                ? TransmitResponse(id: 0, status: ResponseStatus.null)
                : TransmitResponse(id: request.id, status: ResponseStatus.error)
            ring.stageResponse(answer.slot)
            // An answer leaves a request's flags alone; of an extra info bit 8 says "one more".
            isExtra = isExtra ? words.word0 & 0x100 != 0 : request.flags.contains(.extraInfo)
        }
        _ = ring.publishResponses()
        journal.reset(at: ring.publishedResponses, frames: frameCount)
    }
}
