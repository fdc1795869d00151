// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork
import Platform

/// A frame as it came out of a port.
struct Received: Equatable {
    var bytes: [UInt8]
    var header: VnetHeader
}

/// A TAP with an arena beside it, driven as a backend drives its own.
struct Endpoint: ~Copyable {
    var device: TapDevice
    let arena = PageArena(pageCount: 40)
    static let capacity = 65_550
    /// Where a frame's vnet header is left, wherever the frame is read to; not aligned.
    static let headerOffset = 70_001

    init(_ device: consuming TapDevice) { self.device = device }

    /// A TAP on a bridge, with an address of its own and whatever offload.
    init(
        _ name: String, on bridge: borrowing Bridge, offload: TapOffload = .all
    ) throws {
        var configuration = TapConfiguration(name: name, bridge: bridge.name)
        configuration.offload = offload
        device = try TapDevice(creating: configuration, with: bridge.session)
    }

    /// Sends a frame cut into pieces that lie apart in the arena, backwards.
    mutating func transmit(
        _ frame: [UInt8], header: VnetHeader = VnetHeader(), pieces: [Int]? = nil
    ) throws -> TransmitOutcome {
        var fragments = FrameFragments()
        var taken = 0
        var place = arena.size
        for count in pieces ?? [frame.count] {
            place -= count + 3
            for position in 0..<count {
                arena.setByte(frame[taken + position], at: place + position)
            }
            fragments.append(FrameFragment(offset: place, count: count))
            taken += count
        }
        return try device.transmit(fragments, header: header, from: arena)
    }

    /// The next frame that `matches`; frames of the host's own protocols are passed over. Nil when
    /// nothing comes for five seconds.
    mutating func next(where matches: ([UInt8]) -> Bool) throws -> Received? {
        while true {
            var header = VnetHeader()
            if let count = try device.receive(
                into: arena, at: 0, capacity: Endpoint.capacity, headerAt: Endpoint.headerOffset,
                header: &header)
            {
                let bytes = (0..<count).map { arena.byte(at: $0) }
                if matches(bytes) { return Received(bytes: bytes, header: header) }
                continue
            }
            var wanted = pollfd(fd: device.descriptor, events: Int16(POLLIN), revents: 0)
            // SAFETY: one entry, which lives here.
            if unsafe poll(&wanted, 1, 5000) <= 0 { return nil }
        }
    }

    /// The next frame of this ethertype between the tests' two addresses.
    mutating func next(type: UInt16) throws -> Received? {
        try next {
            $0.count >= 14 && Frames.number($0, at: 12) == type
                && Array($0[..<6]) == Frames.readerMAC
        }
    }
}
