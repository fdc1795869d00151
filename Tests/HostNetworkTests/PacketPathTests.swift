// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork
import Platform
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(10)))
struct PacketPathTests {
    @Test("any frame in any pieces crosses the bridge unchanged", arguments: 0..<8)
    func bytes(seed: UInt64) throws {
        try inFreshNamespace {
            var random = SplitMix64(seed: seed)
            let bridge = try Bridge(usingOrCreating: "br0")
            var sender = try Endpoint("tap0", on: bridge)
            var reader = try Endpoint("tap1", on: bridge)
            for _ in 0..<32 {
                let size = Int.random(in: 46...1500, using: &random)
                let payload = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
                let frame = Frames.ethernet(type: Frames.experimental, payload)
                let pieces = cut(
                    frame.count, into: Int.random(in: 1...FrameFragments.capacity, using: &random),
                    using: &random)
                #expect(try sender.transmit(frame, pieces: pieces) == .sent, "seed \(seed)")
                let received = try reader.next(type: Frames.experimental)
                #expect(received?.bytes == frame, "seed \(seed), pieces \(pieces)")
                #expect(received?.header == VnetHeader(), "seed \(seed)")
            }
        }
    }

    @Test("a full frame crosses the bridge with a VLAN tag before it, and one with two within it")
    func tags() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var sender = try Endpoint("tap0", on: bridge)
            var reader = try Endpoint("tap1", on: bridge)
            let tag: [UInt8] = [0x81, 0x00, 0, 5]
            let outer: [UInt8] = [0x88, 0xA8, 0, 7]
            // Bytes after the addresses: a port of MTU 1500 carries 1504 and the type.
            for (tags, size) in [(tag, 1500), (outer + tag, 1496), (outer + tag, 1500)] {
                let frame =
                    Frames.readerMAC + Frames.senderMAC + tags + Frames.big(Frames.experimental)
                    + [UInt8](repeating: 9, count: size)
                #expect(try sender.transmit(frame) == .sent)
                let received = try reader.next { Array($0[..<12]) == Array(frame[..<12]) }
                #expect(received?.bytes == frame, "\(tags.count / 4) tags, \(size) bytes")
            }
        }
    }

    private func cut(
        _ size: Int, into count: Int, using random: inout SplitMix64
    ) -> [Int] {
        var edges = (1..<count).map { _ in Int.random(in: 0...size, using: &random) }.sorted()
        edges.append(size)
        var last = 0
        return edges.map { edge in
            defer { last = edge }
            return edge - last
        }
    }

    @Test("an unsegmented frame arrives whole where the reader segments", arguments: [4, 6])
    func unsegmented(version: Int) throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var sender = try Endpoint("tap0", on: bridge)
            var reader = try Endpoint("tap1", on: bridge)
            let payload = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            let (frame, header) = Frames.unsegmented(
                version: version, payload: payload, segmentSize: 1400)
            let pieces = [54] + [Int](repeating: 3000, count: 18) + [frame.count - 54 - 54_000]
            #expect(try sender.transmit(frame, header: header, pieces: pieces) == .sent)
            let type = version == 4 ? Frames.ipv4 : Frames.ipv6
            let received = try reader.next(type: type)
            #expect(received?.bytes == frame)
            #expect(received?.header.gsoSize == 1400)
            #expect(received?.header.gsoType == header.gsoType)
            #expect(received?.header.flags == VnetHeader.needsChecksum)
            #expect(received?.header.checksumStart == header.checksumStart)
            #expect(received?.header.checksumOffset == 16)
            // The bytes as the kernel wrote them, at an odd place, say the same.
            let place = Endpoint.headerOffset
            let raw = (0..<VnetHeader.size).map { reader.arena.byte(at: place + $0) }
            #expect(Array(raw[..<2]) == [VnetHeader.needsChecksum, header.gsoType])
            #expect(Array(raw[4..<6]) == [0x78, 5])
            #expect(Array(raw[6..<10]) == [UInt8(header.checksumStart), 0, 16, 0])
            reader.arena.setVnetHeader(received?.header ?? VnetHeader(), at: place + 20)
            let written = (0..<VnetHeader.size).map { reader.arena.byte(at: place + 20 + $0) }
            #expect(written[..<10] == raw[..<10])
        }
    }

    @Test("an unsegmented frame is cut by the kernel where the reader does not segment")
    func segmented() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var sender = try Endpoint("tap0", on: bridge)
            var reader = try Endpoint("tap1", on: bridge, offload: [])
            let payload = (0..<4000).map { UInt8(truncatingIfNeeded: $0) }
            let (frame, header) = Frames.unsegmented(
                version: 4, payload: payload, segmentSize: 1400)
            #expect(try sender.transmit(frame, header: header) == .sent)
            var joined: [UInt8] = []
            for size in [1400, 1400, 1200] {
                let segment = try #require(try reader.next(type: Frames.ipv4))
                #expect(segment.header == VnetHeader())
                #expect(segment.bytes.count == 54 + size)
                #expect(Frames.sum(Array(segment.bytes[14..<34])) == 0xFFFF)
                let tcp = Array(segment.bytes[34...])
                let pseudo = Frames.pseudoHeader(
                    [10, 0, 0, 1], [10, 0, 0, 2], proto: 6, size: tcp.count)
                #expect(Frames.sum(pseudo + tcp) == 0xFFFF)
                joined += tcp[20...]
            }
            #expect(joined == payload)
        }
    }

    @Test("a host's datagram comes with its sum left to do only if the reader finishes sums")
    func hostChecksum() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var reader = try Endpoint("tap0", on: bridge)
            try bridge.session.addAddress("10.0.0.1/24", to: "br0")
            // The peer does not exist: the host is told its address.
            try run("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev br0")
            let payload = (0..<101).map { UInt8($0) }
            func next() throws -> Received? {
                let socket = try DatagramSocket(address: 0x0A00_0001, port: 4000)
                try socket.send(payload, to: 0x0A00_0002, port: 5000)
                return try reader.next(type: Frames.ipv4)
            }
            let partial = try #require(try next())
            #expect(partial.header.flags == VnetHeader.needsChecksum)
            #expect(partial.header.checksumStart == 34)
            #expect(partial.header.checksumOffset == 6)
            #expect(partial.header.gsoType == 0)
            #expect(Array(partial.bytes[42...]) == payload)

            try reader.device.setOffload([])
            let full = try #require(try next())
            #expect(full.header == VnetHeader())
            let pseudo = Frames.pseudoHeader(
                [10, 0, 0, 1], [10, 0, 0, 2], proto: 17, size: 8 + payload.count)
            #expect(Frames.sum(pseudo + full.bytes[34...]) == 0xFFFF)
        }
    }

    @Test("a datagram with its sum left to do is accepted by the host's own stack")
    func partialChecksumIntoHost() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            try bridge.session.addAddress("10.0.0.2/24", to: "br0")
            try bridge.session.setMAC(MACAddress(rawValue: 0x0200_0000_000B), of: "br0")
            var sender = try Endpoint("tap0", on: bridge)
            let socket = try DatagramSocket(address: 0x0A00_0002, port: 5000)
            let payload = (0..<301).map { UInt8(truncatingIfNeeded: $0) }
            let udp = Frames.udp([10, 0, 0, 1], [10, 0, 0, 2], port: 5000, payload)
            let frame = Frames.ethernet(
                type: Frames.ipv4,
                Frames.ipv4Header(
                    [10, 0, 0, 1], [10, 0, 0, 2], proto: 17, payloadSize: udp.count) + udp)
            var header = VnetHeader()
            header.flags = VnetHeader.needsChecksum
            header.checksumStart = 34
            header.checksumOffset = 6
            #expect(
                try sender.transmit(frame, header: header, pieces: [20, 200, frame.count - 220])
                    == .sent)
            #expect(try socket.receive() == payload)
            // The same bytes without the flag carry a wrong sum; only the good one may follow.
            #expect(try sender.transmit(frame) == .sent)
            let last = Frames.udp([10, 0, 0, 1], [10, 0, 0, 2], port: 5000, [1, 2, 3])
            let lastFrame = Frames.ethernet(
                type: Frames.ipv4,
                Frames.ipv4Header(
                    [10, 0, 0, 1], [10, 0, 0, 2], proto: 17, payloadSize: last.count) + last)
            #expect(try sender.transmit(lastFrame, header: header) == .sent)
            #expect(try socket.receive() == [1, 2, 3])
        }
    }

    @Test("when nothing waits there is no frame")
    func nothing() throws {
        try inFreshNamespace {
            var endpoint = Endpoint(try TapDevice(named: "tap0", offload: .all))
            var header = VnetHeader()
            let count = try endpoint.device.receive(
                into: endpoint.arena, at: 0, capacity: 1000, headerAt: Endpoint.headerOffset,
                header: &header)
            #expect(count == nil)
        }
    }

    @Test("a frame longer than its room is cut and nothing beyond is written")
    func cutShort() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var sender = try Endpoint("tap0", on: bridge)
            let reader = try Endpoint("tap1", on: bridge)
            var device = TapDevice(taking: dup(reader.device.descriptor))
            let frame = Frames.ethernet(
                type: Frames.experimental, [UInt8](repeating: 0xAA, count: 400))
            reader.arena.setByte(0x55, at: 5100)
            #expect(try sender.transmit(frame) == .sent)
            var header = VnetHeader()
            var count: Int?
            repeat {
                var wanted = pollfd(fd: device.descriptor, events: Int16(POLLIN), revents: 0)
                // SAFETY: one entry, which lives here.
                try #require(unsafe poll(&wanted, 1, 5000) == 1)
                count = try device.receive(
                    into: reader.arena, at: 5000, capacity: 100,
                    headerAt: Endpoint.headerOffset, header: &header)
            } while reader.arena.byte(at: 5099) != 0xAA
            #expect(count == 100)
            #expect(reader.arena.byte(at: 5100) == 0x55)
        }
    }

    @Test("what the kernel will not take is refused, and the next frame passes")
    func refused() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var sender = try Endpoint("tap0", on: bridge)
            var reader = try Endpoint("tap1", on: bridge)
            let frame = Frames.ethernet(
                type: Frames.experimental, [UInt8](repeating: 7, count: 60))
            var absurd = VnetHeader()
            absurd.flags = VnetHeader.needsChecksum
            absurd.checksumStart = 60_000
            #expect(try sender.transmit(frame, header: absurd) == .refused)
            var unknown = VnetHeader()
            unknown.gsoType = 0x55
            unknown.gsoSize = 100
            #expect(try sender.transmit(frame, header: unknown) == .refused)
            #expect(try sender.transmit([1, 2, 3]) == .refused)
            #expect(try sender.transmit([], pieces: []) == .refused)
            try bridge.session.bringDown("tap0")
            #expect(try sender.transmit(frame) == .refused)
            try bridge.session.bringUp("tap0")
            #expect(try sender.transmit(frame) == .sent)
            #expect(try reader.next(type: Frames.experimental)?.bytes == frame)
        }
    }

    @Test("a device that was deleted throws instead of refusing for ever")
    func deleted() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var endpoint = try Endpoint("tap0", on: bridge)
            try run("ip link delete tap0")
            let frame = Frames.ethernet(
                type: Frames.experimental, [UInt8](repeating: 7, count: 60))
            do {
                _ = try endpoint.transmit(frame)
                Issue.record("a frame was taken by a device that is gone")
            } catch let error as PlatformError {
                #expect(error.errno == EBADFD)
            }
            do {
                _ = try endpoint.next { _ in true }
                Issue.record("a frame came from a device that is gone")
            } catch let error as PlatformError {
                #expect(error.errno == EBADFD)
            }
        }
    }

    @Test("a function free of allocation and locks carries frames from one TAP to another")
    func relay() throws {
        try inFreshNamespace {
            let left = try Bridge(usingOrCreating: "br0")
            let right = try Bridge(usingOrCreating: "br1")
            var sender = try Endpoint("tap0", on: left)
            var input = try Endpoint("tap1", on: left)
            var output = try Endpoint("tap2", on: right)
            var reader = try Endpoint("tap3", on: right)
            let payload = (0..<9000).map { UInt8(truncatingIfNeeded: $0) }
            let (frame, header) = Frames.unsegmented(
                version: 4, payload: payload, segmentSize: 1000)
            #expect(try sender.transmit(frame, header: header) == .sent)
            var state = VnetHeader()
            // Frames of the host's own go the same way: all that wait are carried over.
            while try serveOneFrame(
                from: &input.device, to: &output.device, over: input.arena, header: &state)
            {}
            let received = try reader.next(type: Frames.ipv4)
            #expect(received?.bytes == frame)
            #expect(received?.header.gsoSize == 1000)
        }
    }

    @Test("a link's counters count its frames and bytes")
    func statistics() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            var sender = try Endpoint("tap0", on: bridge)
            let before = try bridge.session.statistics(of: "tap0")
            let frame = Frames.ethernet(
                type: Frames.experimental, [UInt8](repeating: 7, count: 86))
            for _ in 0..<5 { #expect(try sender.transmit(frame) == .sent) }
            let after = try bridge.session.statistics(of: "tap0")
            #expect(after.receivedPackets - before.receivedPackets == 5)
            #expect(after.receivedBytes - before.receivedBytes == 500)

            // A reader that never reads: a queue of ten, then drops.
            try bridge.session.bringDown("tap0")
            try bridge.session.setTransmitQueueLength(10, of: "tap0")
            try bridge.session.bringUp("tap0")
            var other = try Endpoint("tap1", on: bridge)
            for _ in 0..<50 { #expect(try other.transmit(frame) == .sent) }
            let full = try bridge.session.statistics(of: "tap0")
            #expect(full.transmittedDropped >= 40)
        }
    }
}
