// SPDX-License-Identifier: Apache-2.0

/// One frame on its way to the host in a batch, and what became of it.
public struct OutboundFrame: Sendable {
    /// Where its bytes are.
    public var fragments: FrameFragments
    /// What is left to do to it.
    public var header: VnetHeader
    /// What the port made of it; refused until the port says otherwise.
    public var outcome: TransmitOutcome
    /// The caller's own number for it, which no port looks at.
    public var tag: Int

    /// An empty frame, to be filled in place.
    @inlinable
    public init() {
        fragments = FrameFragments()
        header = VnetHeader()
        outcome = .refused
        tag = 0
    }
}

/// Frames that a port gets together; fixed capacity, allocated once and reused for every step.
public typealias FrameBatch = FixedBuffer<OutboundFrame>

extension FixedBuffer<OutboundFrame> {
    /// Makes an empty batch with room for `capacity` frames.
    public init(capacity: Int) {
        self.init(capacity: capacity, filler: OutboundFrame())
    }

    /// Adds a frame without pieces, to be filled in place, and returns its position.
    @inlinable @inline(__always)
    public mutating func extendBlank(tag: Int) -> Int {
        let position = extend()
        // Field by field: a frame is large, and its pieces beyond `count` are never read.
        self[position].fragments.count = 0
        self[position].header = VnetHeader()
        self[position].outcome = .refused
        self[position].tag = tag
        return position
    }
}
