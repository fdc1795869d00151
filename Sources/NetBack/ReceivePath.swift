// SPDX-License-Identifier: Apache-2.0
// Bridge to guest. Rx is the frontend's receive: it posts buffers, we fill them.
public import Netif
public import Platform
public import Ring

extension ReceiveQueue where Port: ~Copyable {
    /// One bounded step of the Rx ring: frames → one batch of grant copies → responses. True when
    /// there is more to do.
    ///
    /// A frame is read from the port only when the guest has posted enough buffers for the largest
    /// one, so that no frame is ever held here: what the guest has no room for stays in the port's
    /// queue, where the kernel bounds and counts it. What was read stays in the pool until its
    /// answers are published, so that a successor can give it to the guest.
    /// - Throws: `QueueFault` when the queue must do no more.
    @inlinable
    public mutating func serve<H: Hypervisor & ~Copyable>(
        hypervisor: inout H, scratch: inout WorkerScratch<Words>
    ) throws(QueueFault) -> Bool {
        let free: UInt32
        do throws(RingFault) {
            free = try ring.unconsumedRequestCount()
        } catch {
            throw .receiveRing(error)
        }
        let recoveredCount = takeRecovered(scratch: &scratch)
        if recoveredCount == 0 {
            scratch.step.begin(
                journalHalf, at: ring.requestConsumer, frames: frameCount, bytes: byteCount)
        }
        do throws(PlatformError) {
            let used = try stageFrames(
                free: free, recoveredCount: recoveredCount, scratch: &scratch)
            if scratch.batch.count > 0 {
                try hypervisor.copy(&scratch.batch, .toGuest, arena: scratch.arena)
            }
            journal.startAnswers(at: ring.requestConsumer)
            for number in 0..<scratch.frames.count { finishFrame(number, scratch: scratch) }
            journal.commit()
            while ring.privateResponseProducer != ring.requestConsumer {
                ring.stageResponse(journal.answer(at: ring.privateResponseProducer))
            }
            let wantsNotification = ring.publishResponses()
            journal.notePublished(ring.publishedResponses)
            if wantsNotification {
                statistics.notifications += 1
                try hypervisor.notify(channel)
            }
            journal.note(frames: frameCount, bytes: byteCount)
            scratch.step.end()
            record.keep(statistics)
            guard isPortReadable else { return false }
            if free - used >= slotsNeeded { return true }
        } catch {
            throw .platform(error)
        }
        do throws(RingFault) {
            let isRefilled = try ring.finalCheckForRequests(slotsNeeded)
            isBlocked = !isRefilled
            if !isRefilled { statistics.receiveStarved += 1 }
            return isRefilled
        } catch {
            throw .receiveRing(error)
        }
    }

    /// Takes frames from the pool that the last owner left, then from the port, and lists their
    /// grant copies; returns how many requests they use.
    @inlinable
    mutating func stageFrames(
        free: UInt32, recoveredCount: Int, scratch: inout WorkerScratch<Words>
    ) throws(PlatformError) -> UInt32 {
        scratch.batch.removeAll()
        scratch.frames.removeAll()
        var used: UInt32 = 0
        var page = 0
        // Frames that are dropped count too: a host that sends nothing else ends the step as well.
        var readCount = 0
        while readCount < WorkerScratch<Words>.packetsPerStep,
            free - used >= slotsNeeded,
            // A step that is gone on with is done whole.
            readCount < recoveredCount || page < WorkerScratch<Words>.pagesPerStepEnough
        {
            let offset = page * PageArena.pageSize
            var header = VnetHeader()
            let size: Int
            if readCount < recoveredCount {
                size = scratch.step.frameSize(readCount)
                header = scratch.arena.vnetHeader(
                    at: WorkerScratch<Words>.headerPlace(of: readCount))
            } else {
                let received = try port.receive(
                    into: scratch.arena, at: offset, capacity: WorkerScratch<Words>.frameRoom,
                    headerAt: WorkerScratch<Words>.headerPlace(of: readCount), header: &header)
                guard let received else {
                    isPortReadable = false
                    break
                }
                size = received
                noteRead(size)
                scratch.step.keep(frame: readCount, size: size)
            }
            readCount += 1
            page += WorkerScratch<Words>.pageCount(of: size)
            guard
                let packet = describe(
                    size: size, header: header, at: offset, arena: &scratch.arena)
            else { continue }
            let first = StagedFrame(
                packet: packet, firstRequest: used, firstCopy: scratch.batch.count)
            scratch.frames.append(first)
            stageCopies(of: packet, firstRequest: used, at: offset, batch: &scratch.batch)
            used += UInt32(packet.slotCount)
        }
        return used
    }

    /// How many frames of a step that the last owner did not survive lie in the pool for this half.
    /// That step then goes on: what the journal says of it holds until its frames are answered.
    @inlinable
    mutating func takeRecovered(scratch: inout WorkerScratch<Words>) -> Int {
        guard let recovered = scratch.recovered, recovered.half.slot == slot else { return 0 }
        scratch.recovered = nil
        return recovered.frameCount
    }

    @inlinable @inline(__always)
    mutating func noteRead(_ size: Int) {
        frameCount = RingIndex(frameCount).next.rawValue
        byteCount =
            RingIndex(byteCount)
            .advanced(by: UInt32(truncatingIfNeeded: size)).rawValue
    }

    /// What the guest is told about a frame; nil when it cannot be given to this guest.
    @inlinable
    mutating func describe(
        size: Int, header: VnetHeader, at offset: Int, arena: inout PageArena
    ) -> ReceivePacket? {
        var packet = ReceivePacket(size: size)
        packet.checksumBlank = header.flags & VnetHeader.needsChecksum != 0
        packet.dataValidated =
            packet.checksumBlank || header.flags & VnetHeader.dataValid != 0
        switch header.gsoType & 0x7F {
        case 0: break
        case VnetHeader.gsoTCPv4 where features.contains(.segmentationTCPv4):
            packet.offload = SegmentationOffload(size: header.gsoSize, kind: .tcpv4)
        case VnetHeader.gsoTCPv6 where features.contains(.segmentationTCPv6):
            packet.offload = SegmentationOffload(size: header.gsoSize, kind: .tcpv6)
        default:
            // The port segments what the guest did not ask for; anything else is not for it.
            statistics.receiveOversized += 1
            return nil
        }
        if packet.checksumBlank, packet.offload == nil, !features.contains(.checksumIPv6) {
            packet.checksumBlank = !fillIPv6Checksum(size: size, at: offset, arena: &arena)
        }
        guard packet.slotCount <= Int(slotsNeeded) else {
            statistics.receiveOversized += 1
            return nil
        }
        return packet
    }

    /// Computes the checksum of an IPv6 frame; false for any other frame.
    ///
    /// One switch of the port serves both families: where the guest takes blank sums over IPv4
    /// but not over IPv6, the latter are computed here.
    @inlinable
    func fillIPv6Checksum(size: Int, at offset: Int, arena: inout PageArena) -> Bool {
        let window = min(size, NetifLimits.headerWindow)
        let parsed = arena.findHeaders(at: offset, count: window, frameSize: size)
        guard let headers = parsed, headers.network == .ipv6 else { return false }
        let computed = arena.fullChecksum(at: offset, count: size, headers: headers)
        guard let sum = computed else { return false }
        arena.setBigEndian16(sum, at: offset + headers.transportOffset + headers.checksumOffset)
        return true
    }

    /// Lists the grant copies of a frame that lies contiguous from a page's start on.
    @inlinable
    func stageCopies(
        of packet: ReceivePacket, firstRequest: UInt32, at offset: Int,
        batch: inout GrantCopyBatch
    ) {
        let splitter = PacketSplitter(packet)
        for position in 0..<splitter.slotCount {
            let count = splitter.dataCount(at: position)
            guard count > 0 else { continue }
            let request = ReceiveRequest(
                ring.copyRequest(offset: firstRequest + UInt32(position)))
            batch.append(
                GrantCopyOperation(
                    domain: id.vif.domain, reference: GrantReference(request.grantReference),
                    pageOffset: 0, count: UInt16(count),
                    arenaOffset: offset + splitter.frameOffset(at: position)))
        }
    }

    /// Keeps the answers of one frame whose copies are done. Response i answers request i.
    @inlinable
    mutating func finishFrame(_ number: Int, scratch: borrowing WorkerScratch<Words>) {
        let packet = scratch.frames[number].packet
        var isCopied = true
        let firstCopy = scratch.frames[number].firstCopy
        let lastCopy =
            number + 1 < scratch.frames.count
            ? scratch.frames[number + 1].firstCopy : scratch.batch.count
        for copy in firstCopy..<lastCopy where scratch.batch[copy].status != 0 {
            isCopied = false
        }
        let splitter = PacketSplitter(packet)
        for position in 0..<splitter.slotCount {
            // The copied words are read again for the id alone: a guest that changed it meanwhile
            // confuses nobody but itself.
            let request = ReceiveRequest(ring.copyRequest(offset: 0))
            ring.consumeRequests(1)
            let answer =
                isCopied
                ? splitter.response(at: position, requestID: request.id)
                : ReceiveResponse.error(id: request.id).slot
            journal.stage(answer)
        }
        statistics.receiveSlots += UInt64(packet.slotCount)
        if isCopied {
            statistics.receivePackets += 1
            statistics.receiveBytes += UInt64(packet.size)
        } else {
            statistics.receiveCopyFailures += 1
        }
    }
}
