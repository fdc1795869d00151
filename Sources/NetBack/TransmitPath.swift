// SPDX-License-Identifier: Apache-2.0
// Guest to bridge. Tx is the frontend's transmit: we take requests and give responses.
public import Netif
public import Platform
public import Ring

extension TransmitQueue where Port: ~Copyable {
    /// One bounded step of the Tx ring: slots → packets → one batch of grant copies → one batch of
    /// frames → responses. True when there is more to do.
    ///
    /// No answer is kept before every frame of the step has been written or refused: between the
    /// copy and the port's answer lies the one moment in which a frame may have been forwarded and
    /// its packet not yet answered. The journal says so, and the host's own count tells a successor
    /// which.
    ///
    /// Packets are answered strictly in ring order, a whole packet at a time; the answers of the
    /// step go into the journal first, and become visible in the ring in one store
    /// (docs/TAKEOVER.md, rules R1, R2, R4).
    /// - Throws: `QueueFault` when the queue must do no more; what came before it was served.
    @inlinable
    public mutating func serve<H: Hypervisor & ~Copyable>(
        hypervisor: inout H, scratch: inout WorkerScratch<Words>
    ) throws(QueueFault) -> Bool {
        let available: UInt32
        do throws(RingFault) {
            available = try ring.unconsumedRequestCount()
        } catch {
            throw .transmitRing(error)
        }
        var fatal: NetifFault?
        let start = ring.requestConsumer
        // Frames sent before count as this step's: a second death in it must not send them again.
        let framesBefore = RingIndex(frameCount).distance(from: RingIndex(sentBefore))
        scratch.step.begin(journalHalf, at: start, frames: framesBefore)
        let taken = stagePackets(available: available, scratch: &scratch, fatal: &fatal)
        do throws(PlatformError) {
            if scratch.batch.count > 0 {
                try hypervisor.copy(&scratch.batch, .fromGuest, arena: scratch.arena)
            }
            stageFrames(scratch: &scratch)
            journal.intend(upTo: start.advanced(by: taken))
            if scratch.outbound.count > 0 {
                try port.transmit(&scratch.outbound, from: scratch.arena)
            }
            keepAnswers(from: start, scratch: &scratch)
            ring.consumeRequests(taken)
            while ring.privateResponseProducer != ring.requestConsumer {
                ring.stageResponse(journal.answer(at: ring.privateResponseProducer))
            }
            let wantsNotification = ring.publishResponses()
            journal.notePublished(ring.publishedResponses)
            if wantsNotification {
                statistics.notifications += 1
                try hypervisor.notify(channel)
            }
            if taken > 0 { record.keep(statistics) }
        } catch {
            throw .platform(error)
        }
        scratch.step.end()
        if let fatal { throw .packet(fatal) }
        if taken < available { return true }
        do throws(RingFault) {
            return try ring.finalCheckForRequests()
        } catch {
            throw .transmitRing(error)
        }
    }

    /// Assembles packets and lists their grant copies; returns how many requests they cover.
    @inlinable
    mutating func stagePackets(
        available: UInt32, scratch: inout WorkerScratch<Words>, fatal: inout NetifFault?
    ) -> UInt32 {
        scratch.batch.removeAll()
        scratch.packets.removeAll()
        var offset: UInt32 = 0
        while offset < available, scratch.packets.count < WorkerScratch<Words>.packetsPerStep {
            let number = scratch.packets.extend()
            let outcome = PacketAssembler.assemble(
                from: ring, available: available, at: offset,
                into: &scratch.packets[number])
            switch outcome {
            case .close(let fault):
                scratch.packets.truncate(to: number)
                fatal = fault
                return offset
            case .answer:
                // It has no pieces: nothing is copied, and it is answered with an error.
                statistics.transmitInvalid += 1
            case .forward:
                for piece in 0..<scratch.packets[number].pieceCount {
                    stageCopy(of: scratch.packets[number].pieces[piece], batch: &scratch.batch)
                }
            }
            offset += UInt32(scratch.packets[number].slotCount)
        }
        return offset
    }

    /// Lists one piece's grant copy. Each piece has a page of the arena to itself and keeps its
    /// offset there: a copy across two local pages costs Xen half as much again.
    @inlinable @inline(__always)
    func stageCopy(of piece: TransmitPiece, batch: inout GrantCopyBatch) {
        // The ring has 256 slots, so that neither the batch nor the arena can run out.
        let page = batch.count * PageArena.pageSize
        batch.append(
            GrantCopyOperation(
                domain: id.vif.domain, reference: GrantReference(piece.grantReference),
                pageOffset: piece.pageOffset, count: piece.size,
                arenaOffset: page + Int(piece.pageOffset)))
    }

    /// Makes a frame of every packet whose copies succeeded and whose offload can be done.
    @inlinable
    mutating func stageFrames(scratch: inout WorkerScratch<Words>) {
        scratch.outbound.removeAll()
        scratch.sentBefore = 0
        var copy = 0
        for number in 0..<scratch.packets.count {
            let pieceCount = scratch.packets[number].pieceCount
            guard pieceCount > 0 else { continue }
            let frame = scratch.outbound.extendBlank(tag: number)
            var isCopied = true
            for position in copy..<copy + pieceCount {
                if scratch.batch[position].status != 0 { isCopied = false }
                scratch.outbound[frame].fragments.appendJoining(
                    FrameFragment(
                        offset: scratch.batch[position].arenaOffset,
                        count: Int(scratch.batch[position].count)))
            }
            copy += pieceCount
            if !isCopied { statistics.transmitCopyFailures += 1 }
            if !isCopied || !translateOffload(of: number, to: frame, scratch: &scratch) {
                scratch.outbound.truncate(to: frame)
            } else if sentBefore > 0 {
                // It reached the host in the step that the last owner did not survive.
                sentBefore -= 1
                scratch.sentBefore |= 1 << UInt64(truncatingIfNeeded: number)
                scratch.outbound.truncate(to: frame)
            }
        }
        sentBefore = 0
    }

    /// Tells the port what is left to do to a frame; false when that cannot be done.
    @inlinable
    mutating func translateOffload(
        of number: Int, to frame: Int, scratch: inout WorkerScratch<Words>
    ) -> Bool {
        let offload = TransmitOffload.translate(
            scratch.packets[number], scratch.outbound[frame].fragments, arena: &scratch.arena,
            headerOffset: WorkerScratch<Words>.headerOffset, to: &scratch.outbound[frame].header)
        switch offload {
        case .ready: return true
        case .mended:
            statistics.transmitChecksumMended += 1
            return true
        case .unusable:
            statistics.transmitInvalid += 1
            return false
        }
    }

    /// Keeps the answers to all slots of the step. A packet without a frame was found wanting
    /// before the port saw it, unless it had been sent before.
    @inlinable
    mutating func keepAnswers(from start: RingIndex, scratch: inout WorkerScratch<Words>) {
        var frame = 0
        journal.startAnswers(at: start)
        for number in 0..<scratch.packets.count {
            var status = ResponseStatus.error
            if scratch.sentBefore & 1 << UInt64(truncatingIfNeeded: number) != 0 {
                status = noteSent(scratch.packets[number].size)
            } else if frame < scratch.outbound.count, scratch.outbound[frame].tag == number {
                switch scratch.outbound[frame].outcome {
                case .sent:
                    frameCount = RingIndex(frameCount).next.rawValue
                    status = noteSent(scratch.packets[number].size)
                case .refused: statistics.transmitRefused += 1
                }
                frame += 1
            }
            statistics.transmitSlots += UInt64(scratch.packets[number].slotCount)
            scratch.packets[number].answer(status: status, into: &journal)
        }
        journal.commit(frames: frameCount)
    }

    @inlinable
    mutating func noteSent(_ size: Int) -> Int16 {
        statistics.transmitPackets += 1
        statistics.transmitBytes += UInt64(size)
        return ResponseStatus.okay
    }
}
