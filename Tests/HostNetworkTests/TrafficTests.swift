// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostNetwork
import Platform
import Testing

@Suite("What the kernel counts of a TAP", .serialized, .timeLimit(.minutes(10)))
struct TrafficTests {
    private func frame(_ size: Int, _ filler: UInt8 = 7) -> [UInt8] {
        Frames.ethernet(
            type: Frames.experimental, [UInt8](repeating: filler, count: size - 14))
    }

    private func traffic(_ device: borrowing TapDevice) throws -> PortTraffic {
        let found = device.traffic()
        return try #require(found)
    }

    /// Reads all that waits; returns how many frames that were, and their bytes.
    private func drain(_ endpoint: inout Endpoint) throws -> (frames: UInt32, bytes: UInt32) {
        var (frames, bytes): (UInt32, UInt32) = (0, 0)
        var header = VnetHeader()
        while let count = try endpoint.device.receive(
            into: endpoint.arena, at: 0, capacity: Endpoint.capacity,
            headerAt: Endpoint.headerOffset, header: &header)
        {
            frames += 1
            bytes += UInt32(count)
        }
        return (frames, bytes)
    }

    /// Two ports of a bridge, in a namespace of their own.
    private func onBridge(
        _ body: (inout Endpoint, inout Endpoint) throws -> Void
    ) throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var sender = try Endpoint("tap0", on: bridge)
            var reader = try Endpoint("tap1", on: bridge)
            try body(&sender, &reader)
        }
    }

    /// What a body adds to the reader's counts is what it read, also beside the host's own frames.
    private func expectGiven(
        _ reader: inout Endpoint, _ frames: UInt32, _ bytes: UInt32,
        since before: PortTraffic
    ) throws {
        let after = try traffic(reader.device)
        #expect(after.framesGiven == before.framesGiven + frames)
        #expect(after.bytesGiven == before.bytesGiven + bytes)
        #expect(after.framesTaken == before.framesTaken)
    }

    @Test("a new link has counted nothing")
    func fresh() throws {
        try inFreshNamespace {
            let device = try TapDevice(named: "tap0", offload: .all)
            let nothing = PortTraffic(framesTaken: 0, framesGiven: 0, bytesGiven: 0)
            #expect(try traffic(device) == nothing)
        }
    }

    @Test("what is written is taken, and what is read is given")
    func both() throws {
        try onBridge { sender, reader in
            let before = try traffic(reader.device)
            let taken = try traffic(sender.device).framesTaken
            for number in 1...70 {
                #expect(try sender.transmit(frame(60 + number)) == .sent)
                #expect(try traffic(sender.device).framesTaken == taken + UInt32(number))
            }
            // What waits is not given yet.
            #expect(try traffic(reader.device) == before)
            let (frames, bytes) = try drain(&reader)
            #expect(frames >= 70)
            try expectGiven(&reader, frames, bytes, since: before)
        }
    }

    @Test("refused frames count for nothing")
    func refused() throws {
        try onBridge { sender, _ in
            let before = try traffic(sender.device)
            var absurd = VnetHeader()
            absurd.flags = VnetHeader.needsChecksum
            absurd.checksumStart = 60_000
            #expect(try sender.transmit(frame(60), header: absurd) == .refused)
            #expect(try sender.transmit([1, 2, 3]) == .refused)
            try NetlinkSession().bringDown("tap0")
            #expect(try sender.transmit(frame(60)) == .refused)
            #expect(try traffic(sender.device).framesTaken == before.framesTaken)
        }
    }

    @Test("an unsegmented frame is one frame of all its bytes", arguments: [4, 6])
    func unsegmented(version: Int) throws {
        try onBridge { sender, reader in
            let before = try traffic(reader.device)
            let taken = try traffic(sender.device).framesTaken
            let (frame, header) = Frames.unsegmented(
                version: version, payload: [UInt8](repeating: 1, count: 40_000),
                segmentSize: 1400)
            #expect(try sender.transmit(frame, header: header) == .sent)
            #expect(try traffic(sender.device).framesTaken == taken + 1)
            let (frames, bytes) = try drain(&reader)
            #expect(bytes >= UInt32(frame.count))
            try expectGiven(&reader, frames, bytes, since: before)
        }
    }

    @Test("a frame's VLAN tag is counted among its bytes")
    func tagged() throws {
        try onBridge { sender, reader in
            let before = try traffic(reader.device)
            let tag: [UInt8] = [0x81, 0x00, 0, 5]
            let frame =
                Frames.readerMAC + Frames.senderMAC + tag + Frames.big(Frames.experimental)
                + [UInt8](repeating: 9, count: 500)
            #expect(try sender.transmit(frame) == .sent)
            let (frames, bytes) = try drain(&reader)
            #expect(bytes >= UInt32(frame.count))
            try expectGiven(&reader, frames, bytes, since: before)
        }
    }

    @Test("a frame that is cut short is given in full")
    func cut() throws {
        try onBridge { sender, reader in
            _ = try drain(&reader)
            let before = try traffic(reader.device)
            #expect(try sender.transmit(frame(400)) == .sent)
            var header = VnetHeader()
            let count = try reader.device.receive(
                into: reader.arena, at: 0, capacity: 100, headerAt: Endpoint.headerOffset,
                header: &header)
            #expect(count == 100)
            let after = try traffic(reader.device)
            #expect(after.framesGiven == before.framesGiven + 1)
            #expect(after.bytesGiven >= before.bytesGiven + 101)
        }
    }

    @Test("a batch counts as its frames, with and without a ring", arguments: [false, true])
    func batch(hasRing: Bool) throws {
        try onBridge { sender, _ in
            let ring = hasRing ? try TapRing() : nil
            var port = TapDevice(taking: dup(sender.device.descriptor), ring: ring)
            let before = try traffic(port)
            var batch = FrameBatch(capacity: 64)
            for (position, byte) in frame(80).enumerated() {
                sender.arena.setByte(byte, at: position)
            }
            for number in 0..<64 {
                // Every eighth is too short to be a frame.
                let piece = FrameFragment(offset: 0, count: number % 8 == 0 ? 3 : 80)
                batch[batch.extendBlank(tag: number)].fragments.append(piece)
            }
            try port.transmit(&batch, from: sender.arena)
            #expect(try traffic(port).framesTaken == before.framesTaken + 56)
        }
    }

    @Test("a link among hundreds is found, and one that is gone or elsewhere is not")
    func many() throws {
        try inFreshNamespace {
            for number in 0..<120 { try run("ip link add dummy\(number) type bridge") }
            let device = try TapDevice(named: "tap0", offload: .all)
            _ = try traffic(device)
            var named = TapDevice(taking: dup(device.descriptor))
            named.learnName()
            #expect(try traffic(named) == traffic(device))
            let elsewhere = try NetworkNamespace.fresh().within { device.traffic() }
            #expect(elsewhere == nil)
            try run("ip link delete tap0")
            let gone = device.traffic()
            #expect(gone == nil)
            let goneByName = named.traffic()
            #expect(goneByName == nil)
            named.learnName()
        }
    }
}
