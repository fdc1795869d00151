// SPDX-License-Identifier: Apache-2.0
// Host to guest, both ends on one thread: buffers, copies, responses.
internal import Netif
internal import Ring
internal import SharedMemory

/// One Rx ring with both its ends.
struct ReceiveLoop: ~Copyable {
    private var front: FrontRing<MappedWords, ReceiveFormat>
    private var back: BackRing<MappedWords, ReceiveFormat>

    init(over words: MappedWords) throws(RingFault) {
        front = FrontRing(initializing: words)
        back = try BackRing(attachingTo: words)
    }

    /// Runs whole cycles; returns a hash of what each end saw.
    mutating func run(
        _ shape: PacketShape, cycles: Int, copying: Bool, in memory: borrowing LoopMemory
    ) throws(RingFault) -> UInt64 {
        var hash = WorkHash()
        var frame = ReceivePacket(size: shape.size)
        if let segmentSize = shape.segmentSize {
            frame.offload = SegmentationOffload(size: segmentSize, kind: .tcpv4)
            frame.checksumBlank = true
        }
        for _ in 0..<cycles {
            for page in 0..<UInt32(shape.packetsPerCycle * shape.receiveSlotCount) {
                front.stageRequest(
                    ReceiveRequest(id: UInt16(page), grantReference: page).slot)
            }
            hash.mix(front.publishRequests() ? 1 : 0)
            try serve(
                frame, count: shape.packetsPerCycle, copying: copying, in: memory, hash: &hash)
            try collect(hash: &hash)
        }
        return hash.value
    }

    private mutating func serve(
        _ frame: ReceivePacket, count: Int, copying: Bool, in memory: borrowing LoopMemory,
        hash: inout WorkHash
    ) throws(RingFault) {
        var available = try back.unconsumedRequestCount()
        var arenaOffset = 0
        for _ in 0..<count {
            let splitter = PacketSplitter(frame)
            let slotCount = splitter.slotCount
            precondition(UInt32(slotCount) <= available, "too few buffers were posted")
            for position in 0..<slotCount {
                let size = splitter.dataCount(at: position)
                guard size > 0 else { continue }
                let request = ReceiveRequest(back.copyRequest(offset: UInt32(position)))
                if copying {
                    memory.copyToGuest(
                        page: request.grantReference, count: size,
                        from: arenaOffset + splitter.frameOffset(at: position))
                }
                hash.mix(UInt64(request.grantReference) << 32 | UInt64(size))
            }
            for position in 0..<slotCount {
                let request = ReceiveRequest(back.copyRequest(offset: 0))
                back.consumeRequests(1)
                back.stageResponse(splitter.response(at: position, requestID: request.id))
            }
            arenaOffset +=
                (frame.size + LoopMemory.pageSize - 1) / LoopMemory.pageSize * LoopMemory.pageSize
            available -= UInt32(slotCount)
        }
        let wantsNotification = back.publishResponses()
        let hasMore = try back.finalCheckForRequests()
        hash.mix((wantsNotification ? 1 : 0) + (hasMore ? 2 : 0))
    }

    private mutating func collect(hash: inout WorkHash) throws(RingFault) {
        let count = try front.unconsumedResponseCount()
        for offset in 0..<count {
            let response = ReceiveResponse(front.copyResponse(offset: offset))
            let low = UInt64(response.id) | UInt64(response.offset) << 16
            let high =
                UInt64(response.flags.rawValue)
                | UInt64(UInt16(bitPattern: response.status)) << 16
            hash.mix(high << 32 | low)
        }
        front.consumeResponses(count)
        hash.mix(try front.finalCheckForResponses() ? 1 : 0)
    }
}
