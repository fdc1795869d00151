// SPDX-License-Identifier: Apache-2.0
// Guest to host, both ends on one thread: requests, packets, copies, responses.
internal import Netif
internal import Ring
internal import SharedMemory

/// One Tx ring with both its ends.
struct TransmitLoop: ~Copyable {
    private var front: FrontRing<MappedWords, TransmitFormat>
    private var back: BackRing<MappedWords, TransmitFormat>
    private var packet = TransmitPacket()

    init(over words: MappedWords) throws(RingFault) {
        front = FrontRing(initializing: words)
        back = try BackRing(attachingTo: words)
    }

    /// Runs whole cycles; returns a hash of what each end saw.
    mutating func run(
        _ shape: PacketShape, cycles: Int, copying: Bool, in memory: borrowing LoopMemory
    ) throws(RingFault) -> UInt64 {
        var hash = WorkHash()
        for _ in 0..<cycles {
            stage(shape)
            hash.mix(front.publishRequests() ? 1 : 0)
            try serve(copying: copying, in: memory, hash: &hash)
            try collect(hash: &hash)
        }
        return hash.value
    }

    private mutating func stage(_ shape: PacketShape) {
        var page: UInt32 = 0
        for _ in 0..<shape.packetsPerCycle {
            for position in 0..<shape.pieceCount {
                let isFirst = position == 0
                var flags: TransmitFlags = position + 1 < shape.pieceCount ? .moreData : []
                if isFirst, shape.segmentSize != nil {
                    flags.formUnion([.extraInfo, .checksumBlank])
                }
                let size = isFirst ? shape.size : shape.pieceSize(at: position)
                front.stageRequest(
                    TransmitRequest(
                        grantReference: page, offset: 0, flags: flags, id: UInt16(page),
                        size: UInt16(size)
                    ).slot)
                page += 1
                if isFirst, let segmentSize = shape.segmentSize {
                    let offload = SegmentationOffload(size: segmentSize, kind: .tcpv4)
                    front.stageRequest(ExtraInfo(segmentation: offload).slot)
                }
            }
        }
    }

    private mutating func serve(
        copying: Bool, in memory: borrowing LoopMemory, hash: inout WorkHash
    ) throws(RingFault) {
        var available = try back.unconsumedRequestCount()
        var arenaOffset = 0
        while available > 0 {
            let outcome = PacketAssembler.assemble(
                from: back, available: available, at: 0, into: &packet)
            if case .close(let fault) = outcome { preconditionFailure("\(fault)") }
            for position in 0..<packet.pieceCount {
                let piece = packet.pieces[position]
                if copying {
                    memory.copyFromGuest(
                        page: piece.grantReference, offset: Int(piece.pageOffset),
                        count: Int(piece.size), to: arenaOffset + Int(piece.pageOffset))
                    arenaOffset += LoopMemory.pageSize
                }
                hash.mix(
                    UInt64(piece.grantReference) << 32 | UInt64(piece.pageOffset) << 16
                        | UInt64(piece.size))
            }
            let status = outcome == .forward ? ResponseStatus.okay : ResponseStatus.error
            back.consumeRequests(UInt32(packet.slotCount))
            packet.answer(status: status, into: &back)
            available -= UInt32(packet.slotCount)
        }
        let wantsNotification = back.publishResponses()
        let hasMore = try back.finalCheckForRequests()
        hash.mix((wantsNotification ? 1 : 0) + (hasMore ? 2 : 0))
    }

    private mutating func collect(hash: inout WorkHash) throws(RingFault) {
        let count = try front.unconsumedResponseCount()
        for offset in 0..<count {
            let response = TransmitResponse(front.copyResponse(offset: offset))
            hash.mix(
                UInt64(response.id) | UInt64(UInt16(bitPattern: response.status)) << 16)
        }
        front.consumeResponses(count)
        hash.mix(try front.finalCheckForResponses() ? 1 : 0)
    }
}
