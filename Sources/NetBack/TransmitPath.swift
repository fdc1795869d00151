// SPDX-License-Identifier: Apache-2.0
// Guest to bridge. Tx is the frontend's transmit: we take requests and give responses.
public import Netif
public import Platform
public import Ring

extension VifQueue where Port: ~Copyable {
    /// One bounded step of the Tx ring: slots → packets → one batch of grant copies → frames →
    /// responses. True when there is more to do.
    ///
    /// Packets are answered strictly in ring order, a whole packet at a time, and every response
    /// of the step becomes visible in one store (docs/TAKEOVER.md, rules R1, R2).
    /// - Throws: `QueueFault` when the queue must do no more; what came before it was served.
    @inlinable
    public mutating func serveTransmit<H: Hypervisor & ~Copyable>(
        hypervisor: inout H, scratch: inout WorkerScratch
    ) throws(QueueFault) -> Bool {
        let available: UInt32
        do throws(RingFault) {
            available = try transmitRing.unconsumedRequestCount()
        } catch {
            throw .transmitRing(error)
        }
        var fatal: NetifFault?
        let taken = stagePackets(available: available, scratch: &scratch, fatal: &fatal)
        do throws(PlatformError) {
            if scratch.batch.count > 0 {
                try hypervisor.copy(&scratch.batch, .fromGuest, arena: scratch.arena)
            }
            var copy = 0
            for number in 0..<scratch.packets.count {
                try finishPacket(number, firstCopy: &copy, scratch: &scratch)
            }
            if transmitRing.publishResponses() {
                statistics.notifications += 1
                try hypervisor.notify(transmitChannel)
            }
        } catch {
            throw .platform(error)
        }
        if let fatal { throw .packet(fatal) }
        if taken < available { return true }
        do throws(RingFault) {
            return try transmitRing.finalCheckForRequests()
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
                from: transmitRing, available: available, at: offset,
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

    /// Forwards one packet whose copies are done, and stages the responses of all its slots.
    @inlinable
    mutating func finishPacket(
        _ number: Int, firstCopy: inout Int, scratch: inout WorkerScratch
    ) throws(PlatformError) {
        let pieceCount = scratch.packets[number].pieceCount
        let slotCount = scratch.packets[number].slotCount
        var isSent = false
        if pieceCount > 0 {
            var fragments = FrameFragments()
            var isCopied = true
            for copy in firstCopy..<firstCopy + pieceCount {
                if scratch.batch[copy].status != 0 { isCopied = false }
                fragments.appendJoining(
                    FrameFragment(
                        offset: scratch.batch[copy].arenaOffset,
                        count: Int(scratch.batch[copy].count)))
            }
            firstCopy += pieceCount
            if isCopied {
                isSent = try forward(number, fragments, scratch: &scratch)
            } else {
                statistics.transmitCopyFailures += 1
            }
        }
        let status = isSent ? ResponseStatus.okay : ResponseStatus.error
        transmitRing.answer(&scratch.packets[number], status: status)
        statistics.transmitSlots += UInt64(slotCount)
    }

    /// Gives a frame to the port; false when it was refused.
    @inlinable
    mutating func forward(
        _ number: Int, _ fragments: borrowing FrameFragments, scratch: inout WorkerScratch
    ) throws(PlatformError) -> Bool {
        var header = VnetHeader()
        let offload = TransmitOffload.translate(
            scratch.packets[number], fragments, arena: &scratch.arena,
            headerOffset: WorkerScratch.headerOffset, to: &header)
        switch offload {
        case .ready: break
        case .mended: statistics.transmitChecksumMended += 1
        case .unusable:
            statistics.transmitInvalid += 1
            return false
        }
        switch try port.transmit(fragments, header: header, from: scratch.arena) {
        case .sent:
            statistics.transmitPackets += 1
            statistics.transmitBytes += UInt64(scratch.packets[number].size)
            return true
        case .refused:
            statistics.transmitRefused += 1
            return false
        }
    }
}
