// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform

/// A frame on its way to a guest, between the read from the port and the responses.
public struct StagedFrame: Sendable {
    /// The responses it needs.
    public var packet: ReceivePacket
    /// Its first request, counted from the ring's consumer at the start of the step.
    public var firstRequest: UInt32
    /// Its first grant copy in the batch.
    public var firstCopy: Int

    /// Takes the parts as they are.
    @inlinable
    public init(packet: ReceivePacket, firstRequest: UInt32, firstCopy: Int) {
        self.packet = packet
        self.firstRequest = firstRequest
        self.firstCopy = firstCopy
    }
}

/// What a worker needs for one batch in either direction: allocated once, shared by its queues.
public struct WorkerScratch: ~Copyable {
    /// Packets of one step at most.
    @inlinable public static var packetsPerStep: Int { 64 }
    /// Slots of one step at most: a whole ring.
    @inlinable static var slotsPerStep: Int { 256 }
    /// Pages that one frame from the host may need: 65,550 bytes.
    @inlinable static var pagesPerFrame: Int { 17 }
    /// A page apart in which the headers of a packet in many small pieces are gathered.
    @inlinable static var headerOffset: Int {
        (slotsPerStep + pagesPerFrame) * PageArena.pageSize
    }

    /// Where packets stay between two copies.
    @usableFromInline var arena = PageArena(pageCount: slotsPerStep + pagesPerFrame + 1)
    /// The grant copies of the step.
    @usableFromInline var batch = GrantCopyBatch(capacity: slotsPerStep)
    /// Packets from the guest.
    @usableFromInline var packets = FixedBuffer<TransmitPacket>(
        capacity: packetsPerStep, filler: TransmitPacket())
    /// Frames from the guest that go to the host together; `tag` is the packet's number.
    @usableFromInline var outbound = FrameBatch(capacity: packetsPerStep)
    /// Frames for the guest.
    @usableFromInline var frames = FixedBuffer<StagedFrame>(
        capacity: packetsPerStep,
        filler: StagedFrame(packet: ReceivePacket(size: 0), firstRequest: 0, firstCopy: 0))

    /// Allocates everything.
    public init() {}
}
