// SPDX-License-Identifier: Apache-2.0
import Netif
import Ring
import Testing

/// What a frontend makes of the responses, for every size that matters.
@Suite("Frames to the guest")
struct PacketSplitterTests {
    /// What a frontend reads that walks the responses as Linux's netfront does.
    struct Received: Equatable {
        var size = 0
        var flags: ReceiveFlags = []
        var segmentSize: UInt16 = 0
        var segmentKind: UInt8 = 0
        var slots = 0
    }

    /// Walks one packet; nil when its chain is cut or a page overflows.
    private func receive(_ slots: [SlotWords]) -> Received? {
        guard !slots.isEmpty else { return nil }
        let first = ReceiveResponse(slots[0])
        var received = Received(flags: first.flags)
        var (position, response) = (1, first)
        if first.flags.contains(.extraInfo) {
            var hasMore = true
            while hasMore {
                guard position < slots.count else { return nil }
                let extra = ExtraInfo(slots[position])
                guard extra.type == ExtraInfo.segmentationType else { return nil }
                received.segmentSize = extra.segmentSize
                received.segmentKind = extra.segmentKind
                hasMore = extra.hasMore
                position += 1
            }
        }
        while true {
            guard response.status > 0, Int(response.offset) + Int(response.status) <= 4096 else {
                return nil
            }
            received.size += Int(response.status)
            if !response.flags.contains(.moreData) { break }
            guard position < slots.count else { return nil }
            response = ReceiveResponse(slots[position])
            position += 1
        }
        received.slots = position
        return received
    }

    static let sizes: [Int] =
        Array(stride(from: 1, through: 65_535, by: 251))
        + (1...15).flatMap { page in (-2...2).map { page * 4096 + $0 } } + [65_534, 65_535]

    @Test("a frontend reads back the size, the flags and the segmentation of every frame")
    func roundTrip() {
        let offloads = [
            nil, SegmentationOffload(size: 1448, kind: .tcpv4),
            SegmentationOffload(size: 9000, kind: .tcpv6),
        ]
        for size in Self.sizes {
            for offload in offloads {
                let packet = ReceivePacket(size: size, offload: offload)
                let splitter = PacketSplitter(packet)
                let slots = (0..<splitter.slotCount).map {
                    splitter.response(at: $0, requestID: UInt16($0))
                }
                let received = receive(slots)
                #expect(received?.size == size)
                #expect(received?.slots == slots.count)
                #expect(received?.segmentSize == offload?.size ?? 0)
                #expect(received?.segmentKind == offload?.kind.rawValue ?? 0)
            }
        }
    }

    @Test("the bytes of the slots cover the frame without gap or overlap")
    func coverage() {
        for size in Self.sizes {
            for hasExtra in [false, true] {
                let offload = hasExtra ? SegmentationOffload(size: 1, kind: .tcpv4) : nil
                let splitter = PacketSplitter(ReceivePacket(size: size, offload: offload))
                var end = 0
                for position in 0..<splitter.slotCount {
                    #expect(splitter.isExtra(at: position) == (hasExtra && position == 1))
                    if splitter.isExtra(at: position) {
                        #expect(splitter.dataCount(at: position) == 0)
                        continue
                    }
                    #expect(splitter.frameOffset(at: position) == end)
                    #expect((1...4096).contains(splitter.dataCount(at: position)))
                    end += splitter.dataCount(at: position)
                }
                #expect(end == size)
                // Past the end there is nothing.
                #expect(splitter.dataCount(at: splitter.slotCount) == 0)
            }
        }
    }

    @Test("a packet to be segmented has both its checksum blank and its data validated")
    func segmentationFlags() {
        let offload = SegmentationOffload(size: 1448, kind: .tcpv4)
        let packet = ReceivePacket(size: 3000, offload: offload)
        let first = ReceiveResponse(PacketSplitter(packet).response(at: 0, requestID: 0))
        #expect(first.flags == [.checksumBlank, .dataValidated, .extraInfo])
    }

    @Test("a blank checksum implies validated data, but not the other way round")
    func checksumFlags() {
        let blank = PacketSplitter(ReceivePacket(size: 60, checksumBlank: true))
        #expect(
            ReceiveResponse(blank.response(at: 0, requestID: 0)).flags
                == [.checksumBlank, .dataValidated])
        let valid = PacketSplitter(ReceivePacket(size: 60, dataValidated: true))
        #expect(ReceiveResponse(valid.response(at: 0, requestID: 0)).flags == .dataValidated)
        let plain = PacketSplitter(ReceivePacket(size: 60))
        #expect(ReceiveResponse(plain.response(at: 0, requestID: 0)).flags == [])
    }

    @Test("flags of the whole packet stand in its first slot only")
    func laterFlags() {
        let splitter = PacketSplitter(ReceivePacket(size: 9000, checksumBlank: true))
        let flags = (0..<3).map {
            ReceiveResponse(splitter.response(at: $0, requestID: 0)).flags
        }
        #expect(flags == [[.checksumBlank, .dataValidated, .moreData], .moreData, []])
    }

    @Test("every id is echoed, whatever its relation to the slot")
    func ids() {
        let splitter = PacketSplitter(ReceivePacket(size: 60))
        for id in [UInt16(0), 255, 256, .max] {
            #expect(ReceiveResponse(splitter.response(at: 0, requestID: id)).id == id)
        }
    }
}
