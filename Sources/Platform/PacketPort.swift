// SPDX-License-Identifier: Apache-2.0

/// A piece of a frame in the arena.
public struct FrameFragment: Equatable, Sendable {
    /// Where in the arena, in bytes.
    public var offset: Int
    /// How many bytes.
    public var count: Int

    /// Takes the parts as they are.
    @inlinable
    public init(offset: Int, count: Int) {
        self.offset = offset
        self.count = count
    }
}

/// The pieces of one frame, in order; fixed capacity.
public struct FrameFragments: Sendable {
    /// A packet's 18 slots and a header gathered apart, with room to spare.
    @inlinable public static var capacity: Int { 20 }

    @usableFromInline var storage: InlineArray<20, FrameFragment>
    /// How many pieces.
    public var count: Int

    /// Takes the parts as they are.
    @inlinable
    public init() {
        storage = InlineArray(repeating: FrameFragment(offset: 0, count: 0))
        count = 0
    }

    /// Adds a piece. Overfilling is our own bug.
    @inlinable @inline(__always)
    public mutating func append(_ fragment: FrameFragment) {
        storage[count] = fragment
        count += 1
    }

    /// Adds a piece, or lengthens the last one where the new piece follows it in memory.
    @inlinable @inline(__always)
    public mutating func appendJoining(_ fragment: FrameFragment) {
        if count > 0, storage[count - 1].offset + storage[count - 1].count == fragment.offset {
            storage[count - 1].count += fragment.count
        } else {
            append(fragment)
        }
    }

    /// The piece at a position.
    @inlinable
    public subscript(position: Int) -> FrameFragment {
        @inline(__always) get { storage[position] }
    }
}

/// What became of a frame given to a port.
public enum TransmitOutcome: Sendable {
    /// The port took it.
    case sent
    /// The port refused this frame (down, malformed offload, no memory); the next may pass.
    case refused
}

/// The host's side of one queue: a TAP on the bridge.
public protocol PacketPort: ~Copyable {
    /// Reads one waiting frame into the arena; nil when none waits. A frame longer than `capacity`
    /// is cut: give room for 65,550 bytes.
    ///
    /// Its vnet header is left at `headerOffset` of the same arena, `VnetHeader.size` bytes beside
    /// the frame's own, for whoever finds the arena after us; `header` is what it says.
    mutating func receive(
        into arena: borrowing PageArena, at offset: Int, capacity: Int,
        headerAt headerOffset: Int, header: inout VnetHeader
    ) throws(PlatformError) -> Int?

    /// Hands the frames of a batch to the host in their order, and notes each one's outcome.
    ///
    /// Nothing of the batch is in flight when it returns: the arena may be overwritten, and the
    /// outcomes are final. A refused frame disturbs no other.
    /// - Throws: `PlatformError` when the port is gone; then no outcome is valid.
    mutating func transmit(
        _ batch: inout FrameBatch, from arena: borrowing PageArena
    ) throws(PlatformError)

    /// What the host has counted of the port since it was made; nil where that cannot be told.
    /// For a takeover, not for the packet path.
    func traffic() -> PortTraffic?
}
