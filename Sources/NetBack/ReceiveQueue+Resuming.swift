// SPDX-License-Identifier: Apache-2.0
// Takes up an Rx ring whose last owner died anywhere (docs/TAKEOVER.md).
import Netif
import Platform
import Ring
import SharedMemory

extension ReceiveQueue where Port: ~Copyable {
    /// Continues from the journal: writes the answers that were kept and not published, and finds
    /// the frames of an unfinished step that are still to be given to the guest.
    ///
    /// `step` is the one in which the last owner died, if it was one of this half.
    ///
    /// - Returns: what is wrong with the journal; then every buffer that the guest had posted goes
    ///   back to it with an error, and the ring goes on.
    /// - Throws: `QueueFault` when the ring itself is impossible.
    public mutating func resume(
        _ step: WorkerJournal<Words>.Step?, scratch: inout WorkerScratch<Words>
    ) throws(QueueFault) -> JournalFault? {
        statistics = record.statistics
        // A stall that was made on purpose ends with its maker.
        record.stall(false)
        isPortReadable = true
        isBlocked = false
        isDisabled = record.isDisabled
        let done = journal.done
        do throws(RingFault) {
            if try !ring.takeUp(journal) {
                let producer = RingIndex(words.loadRelaxed(at: RingLayout.requestProducer))
                // A page that is impossible by itself is the guest's fault; then this throws.
                try answerEverything()
                return .indices(
                    published: journal.published, done: done, intended: done,
                    producer: producer)
            }
        } catch {
            throw .receiveRing(error)
        }
        (frameCount, byteCount) = (journal.frames, journal.bytes)
        if let step { recover(step, scratch: &scratch) }
        ring.publishAnswers(of: journal)
        return nil
    }

    /// Keeps what the last owner had read and not yet given to the guest.
    private mutating func recover(
        _ step: WorkerJournal<Words>.Step, scratch: inout WorkerScratch<Words>
    ) {
        var count = step.poolCount
        var bytes = RingIndex(step.bytesBefore)
        var page = 0
        for frame in 0..<count {
            let size = scratch.step.frameSize(frame)
            // A size that cannot be ends the pool: what lies behind it cannot be found.
            guard size > 0, size <= WorkerScratch<Words>.frameRoom,
                page < WorkerScratch<Words>.slotsPerStep
            else {
                count = frame
                break
            }
            bytes = bytes.advanced(by: UInt32(size))
            page += WorkerScratch<Words>.pageCount(of: size)
        }
        let frames = RingIndex(step.framesBefore).advanced(by: UInt32(count))
        (frameCount, byteCount) = (frames.rawValue, bytes.rawValue)
        let isCommitted = step.base != journal.done
        if let traffic = traffic() {
            // The kernel gave one more than was noted: it lies in the pool behind the others.
            let extra = RingIndex(traffic.bytesGiven).distance(from: bytes)
            if !isCommitted, traffic.framesGiven == frames.next.rawValue, extra > 0,
                Int(extra) <= WorkerScratch<Words>.frameRoom,
                count < WorkerScratch<Words>.packetsPerStep,
                page < WorkerScratch<Words>.slotsPerStep
            {
                scratch.step.keep(frame: count, size: Int(extra))
                count += 1
            }
            (frameCount, byteCount) = (traffic.framesGiven, traffic.bytesGiven)
        }
        if !isCommitted && count > 0 { scratch.recovered = (step.half, count) }
    }

    /// Caller: a successor that has resumed a step and notified the guest. A step of which no frame
    /// is left to be given is over: were it still there while the next one begins, a death in
    /// between would leave a mixture of both, and frames of the pool would come twice.
    func endIfAnswered(scratch: inout WorkerScratch<Words>) {
        guard scratch.recovered == nil else { return }
        journal.note(frames: frameCount, bytes: byteCount)
        scratch.step.end()
    }

    /// Without a journal that can be believed: every posted buffer goes back with an error.
    private mutating func answerEverything() throws(RingFault) {
        ring = try BackRing(attachingTo: words)
        let traffic = traffic()
        (frameCount, byteCount) = (traffic?.framesGiven ?? 0, traffic?.bytesGiven ?? 0)
        let available = try ring.unconsumedRequestCount()
        for _ in 0..<available {
            let request = ReceiveRequest(ring.copyRequest(offset: 0))
            ring.consumeRequests(1)
            ring.stageResponse(ReceiveResponse.error(id: request.id).slot)
        }
        _ = ring.publishResponses()
        journal.reset(at: ring.publishedResponses, frames: frameCount, bytes: byteCount)
    }
}
