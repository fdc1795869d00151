// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork
import Platform
import TestSupport
import Testing

/// How a batch is written: through a ring, or one frame after another.
enum Writing: String, CaseIterable {
    case ring, single
}

@Suite("Many frames to a TAP at once", .serialized, .timeLimit(.minutes(10)))
struct FrameBatchTests {
    private static let frameSize = 60

    /// A batch of frames with these numbers, laid out in the arena of `endpoint`.
    private func fill(
        _ batch: inout FrameBatch, _ numbers: Range<Int>, in arena: borrowing PageArena
    ) {
        batch.removeAll()
        for number in numbers {
            let bytes = Frames.ethernet(type: Frames.experimental, payload(number))
            let place = (number - numbers.lowerBound) * 128
            for (position, byte) in bytes.enumerated() {
                arena.setByte(byte, at: place + position)
            }
            let frame = batch.extendBlank(tag: number)
            // In two pieces, as a guest with its headers apart sends them.
            batch[frame].fragments.append(FrameFragment(offset: place, count: 20))
            batch[frame].fragments.append(
                FrameFragment(offset: place + 20, count: bytes.count - 20))
        }
    }

    private func payload(_ number: Int) -> [UInt8] {
        [UInt8(number & 0xFF), UInt8(number >> 8)]
            + [UInt8](repeating: UInt8(number % 251), count: Self.frameSize - 2)
    }

    private func device(_ endpoint: borrowing Endpoint, _ ring: TapRing?) -> TapDevice {
        TapDevice(taking: dup(endpoint.device.descriptor), ring: ring)
    }

    @Test("batches of any size arrive whole and in order", arguments: Writing.allCases)
    func order(writing: Writing) throws {
        try inFreshNamespace {
            var random = SplitMix64(seed: 11)
            let ring = writing == .ring ? try TapRing() : nil
            let bridge = try Bridge(usingOrCreating: "br0")
            let sender = try Endpoint("tap0", on: bridge)
            var reader = try Endpoint("tap1", on: bridge)
            var port = device(sender, ring)
            // More than a ring takes at once, so that groups follow each other, too.
            var batch = FrameBatch(capacity: 200)
            var first = 0
            for _ in 0..<30 {
                let count = Int.random(in: 0...200, using: &random)
                fill(&batch, first..<first + count, in: sender.arena)
                try serveBatch(&batch, to: &port, over: sender.arena)
                for position in 0..<count {
                    #expect(batch[position].outcome == .sent)
                    let received = try reader.next(type: Frames.experimental)
                    #expect(received.map { Array($0.bytes[14...]) } == payload(first + position))
                    #expect(received?.header == VnetHeader())
                }
                first += count
            }
            // The kernel wrote every frame before its call returned: no frame can overtake another.
            #expect(ring?.isRetired != true)
        }
    }

    @Test(
        "what the kernel refuses in a batch is named, and the others pass",
        arguments: Writing.allCases)
    func refusals(writing: Writing) throws {
        try inFreshNamespace {
            let ring = writing == .ring ? try TapRing() : nil
            let bridge = try Bridge(usingOrCreating: "br0")
            let sender = try Endpoint("tap0", on: bridge)
            var reader = try Endpoint("tap1", on: bridge)
            var port = device(sender, ring)
            var batch = FrameBatch(capacity: 64)
            for wrong in [[0], [63], [10, 11, 40], Array(0..<64)] {
                fill(&batch, 0..<64, in: sender.arena)
                for position in wrong {
                    batch[position].header.flags = VnetHeader.needsChecksum
                    batch[position].header.checksumStart = 60_000
                }
                try port.transmit(&batch, from: sender.arena)
                for position in 0..<64 {
                    let isWrong = wrong.contains(position)
                    #expect(batch[position].outcome == (isWrong ? .refused : .sent))
                    guard !isWrong else { continue }
                    let received = try reader.next(type: Frames.experimental)
                    #expect(received.map { Array($0.bytes[14...]) } == payload(position))
                }
            }
            #expect(ring?.isRetired != true)
        }
    }

    @Test("a device that was deleted throws, and its ring serves the others on")
    func deleted() throws {
        try inFreshNamespace {
            let ring = try TapRing()
            let bridge = try Bridge(usingOrCreating: "br0")
            let gone = try Endpoint("tap0", on: bridge)
            let sender = try Endpoint("tap1", on: bridge)
            var reader = try Endpoint("tap2", on: bridge)
            var lost = device(gone, ring)
            var port = device(sender, ring)
            try run("ip link delete tap0")
            var batch = FrameBatch(capacity: 64)
            fill(&batch, 0..<9, in: gone.arena)
            do throws(PlatformError) {
                try lost.transmit(&batch, from: gone.arena)
                Issue.record("frames were taken by a device that is gone")
            } catch {
                #expect(error.errno == EBADFD)
            }
            fill(&batch, 20..<29, in: sender.arena)
            try port.transmit(&batch, from: sender.arena)
            for number in 20..<29 {
                let received = try reader.next(type: Frames.experimental)
                #expect(received.map { Array($0.bytes[14...]) } == payload(number))
            }
        }
    }

    @Test("a link goes with its last descriptor, though a ring wrote to it")
    func closed() throws {
        try inFreshNamespace {
            let ring = try TapRing()
            let bridge = try Bridge(usingOrCreating: "br0")
            do {
                let sender = try Endpoint("tap0", on: bridge)
                var port = device(sender, ring)
                var batch = FrameBatch(capacity: 64)
                fill(&batch, 0..<64, in: sender.arena)
                try port.transmit(&batch, from: sender.arena)
            }
            #expect(try shell("ip link show tap0").status != 0)
            #expect(!ring.isRetired)
        }
    }
}
