// SPDX-License-Identifier: Apache-2.0
import Netif
import Ring

/// A transmit ring with both halves, whose indices start just below 2^32.
struct TransmitScene: ~Copyable {
    let words = ScratchWords()
    var front: FrontRing<ScratchWords, TransmitFormat>
    var back: BackRing<ScratchWords, TransmitFormat>
    var packet = TransmitPacket()

    init(startingAt start: UInt32 = .max - 1) throws {
        front = FrontRing(initializing: words, startingAt: RingIndex(start))
        back = try BackRing(attachingTo: words)
    }

    /// Publishes slots as the guest.
    mutating func publish(_ slots: [SlotWords]) {
        for slot in slots { front.stageRequest(slot) }
        _ = front.publishRequests()
    }

    /// Assembles the packet at `offset`, not consuming it.
    mutating func assemble(at offset: UInt32 = 0) throws -> AssemblyOutcome {
        PacketAssembler.assemble(
            from: back, available: try back.unconsumedRequestCount(), at: offset, into: &packet)
    }

    /// Takes the packet's slots and answers each; returns what the guest then reads.
    mutating func answer(_ status: Int16) throws -> [TransmitResponse] {
        back.consumeRequests(UInt32(packet.slotCount))
        for slot in 0..<packet.slotCount {
            back.stageResponse(packet.response(at: slot, status: status).slot)
        }
        _ = back.publishResponses()
        let count = try front.unconsumedResponseCount()
        let responses = (0..<count).map { TransmitResponse(front.copyResponse(offset: $0)) }
        front.consumeResponses(count)
        return responses
    }
}

/// A data slot.
func data(
    _ size: UInt16, offset: UInt16 = 0, flags: TransmitFlags = [], id: UInt16 = 0,
    page: UInt32 = 8
) -> SlotWords {
    TransmitRequest(grantReference: page, offset: offset, flags: flags, id: id, size: size).slot
}

/// An extra info that describes a large packet.
func segmentation(_ size: UInt16, kind: UInt8 = 1, hasMore: Bool = false) -> SlotWords {
    ExtraInfo(type: 1, hasMore: hasMore, payload0: size, payload1: UInt32(kind)).slot
}

/// An extra info of any type.
func extra(_ type: UInt8, hasMore: Bool = false) -> SlotWords {
    ExtraInfo(type: type, hasMore: hasMore).slot
}

extension TransmitPacket {
    /// The pieces that count.
    var pieceList: [TransmitPiece] { (0..<pieceCount).map { pieces[$0] } }
    /// Bytes of the pieces, in order.
    var pieceSizes: [Int] { pieceList.map { Int($0.size) } }
    /// Statuses of the answers, in order, when data is answered with `status`.
    func statuses(_ status: Int16) -> [Int16] {
        (0..<slotCount).map { response(at: $0, status: status).status }
    }
}
