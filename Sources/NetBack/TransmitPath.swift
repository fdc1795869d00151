// SPDX-License-Identifier: Apache-2.0
// Guest to bridge. Tx is the frontend's transmit: we take requests and give responses.
public import Netif
public import Platform
public import Ring

extension TransmitQueue where Port: ~Copyable {
    /// One bounded step of the Tx ring: slots → packets → one batch of grant copies → one batch of
    /// frames → responses. True when there is more to do.
    ///
    /// No response is staged before every frame of the step has been written or refused: between
    /// the copy and the port's answer lies the one moment in which a frame may have been forwarded
    /// and its packet not yet answered.
    ///
    /// Packets are answered strictly in ring order, a whole packet at a time, and every response
    /// of the step becomes visible in one store (docs/TAKEOVER.md, rules R1, R2).
    /// - Throws: `QueueFault` when the queue must do no more; what came before it was served.
    @inlinable
    public mutating func serve<H: Hypervisor & ~Copyable>(
        hypervisor: inout H, scratch: inout WorkerScratch
    ) throws(QueueFault) -> Bool {
        let available: UInt32
        do throws(RingFault) {
            available = try ring.unconsumedRequestCount()
        } catch {
            throw .transmitRing(error)
        }
        var fatal: NetifFault?
        let taken = stagePackets(available: available, scratch: &scratch, fatal: &fatal)
        do throws(PlatformError) {
            if scratch.batch.count > 0 {
                try hypervisor.copy(&scratch.batch, .fromGuest, arena: scratch.arena)
            }
            stageFrames(scratch: &scratch)
            if scratch.outbound.count > 0 {
                try port.transmit(&scratch.outbound, from: scratch.arena)
            }
            answerPackets(scratch: &scratch)
            if ring.publishResponses() {
                statistics.notifications += 1
                try hypervisor.notify(channel)
            }
        } catch {
            throw .platform(error)
        }
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
        available: UInt32, scratch: inout WorkerScratch, fatal: inout NetifFault?
    ) -> UInt32 {
        scratch.batch.removeAll()
        scratch.packets.removeAll()
        var offset: UInt32 = 0
        while offset < available, scratch.packets.count < WorkerScratch.packetsPerStep {
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
    mutating func stageFrames(scratch: inout WorkerScratch) {
        scratch.outbound.removeAll()
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
            }
        }
    }

    /// Tells the port what is left to do to a frame; false when that cannot be done.
    @inlinable
    mutating func translateOffload(
        of number: Int, to frame: Int, scratch: inout WorkerScratch
    ) -> Bool {
        let offload = TransmitOffload.translate(
            scratch.packets[number], scratch.outbound[frame].fragments, arena: &scratch.arena,
            headerOffset: WorkerScratch.headerOffset, to: &scratch.outbound[frame].header)
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

    /// Stages the responses of all slots of the step. A packet without a frame was found wanting
    /// before the port saw it.
    @inlinable
    mutating func answerPackets(scratch: inout WorkerScratch) {
        var frame = 0
        for number in 0..<scratch.packets.count {
            var status = ResponseStatus.error
            if frame < scratch.outbound.count, scratch.outbound[frame].tag == number {
                switch scratch.outbound[frame].outcome {
                case .sent:
                    statistics.transmitPackets += 1
                    statistics.transmitBytes += UInt64(scratch.packets[number].size)
                    status = ResponseStatus.okay
                case .refused: statistics.transmitRefused += 1
                }
                frame += 1
            }
            statistics.transmitSlots += UInt64(scratch.packets[number].slotCount)
            ring.answer(&scratch.packets[number], status: status)
        }
    }
}
