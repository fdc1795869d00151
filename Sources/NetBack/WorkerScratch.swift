// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform
public import SharedMemory

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
///
/// The arena and the journal may be memory that a successor maps too: the frames of a step that its
/// worker did not survive are then still there.
public struct WorkerScratch<Words: SharedWords>: ~Copyable {
    /// Packets of one step at most.
    @inlinable public static var packetsPerStep: Int { 64 }
    /// Slots of one step at most: a whole ring.
    @inlinable static var slotsPerStep: Int { 256 }
    /// Pages of one step from which on no further frame is read from the host. A step of a quarter
    /// of what there is room for costs no more for each byte, and keeps others waiting, and its
    /// worker silent, for a quarter of the time.
    @inlinable static var pagesPerStepEnough: Int { 64 }
    /// Pages that one frame from the host may need: 65,550 bytes.
    @inlinable static var pagesPerFrame: Int { 17 }
    /// The most bytes of a frame that are read.
    @inlinable static var frameRoom: Int { pagesPerFrame * PageArena.pageSize }

    /// Pages of the arena that a frame of `size` bytes takes.
    @inlinable @inline(__always)
    static func pageCount(of size: Int) -> Int {
        (size + PageArena.pageSize - 1) / PageArena.pageSize
    }
    /// A page apart in which the headers of a packet in many small pieces are gathered.
    @inlinable static var headerOffset: Int {
        (slotsPerStep + pagesPerFrame) * PageArena.pageSize
    }

    /// A page apart in which the vnet headers of a step's frames from the host are left.
    @inlinable static var vnetHeaderOffset: Int { headerOffset + PageArena.pageSize }
    /// From one of them to the next, in bytes: a header, aligned.
    @inlinable static var vnetHeaderStride: Int { 16 }

    /// Where the vnet header of a step's frame is left.
    @inlinable @inline(__always)
    static func headerPlace(of frame: Int) -> Int { vnetHeaderOffset + frame * vnetHeaderStride }

    /// Pages of the arena that a worker needs.
    public static var arenaPageCount: Int { slotsPerStep + pagesPerFrame + 2 }

    /// Where packets stay between two copies.
    @usableFromInline var arena: PageArena
    /// What the worker is in the middle of.
    @usableFromInline let step: WorkerJournal<Words>
    /// The half whose step the last owner did not survive, and how many frames of it are in the
    /// pool.
    @usableFromInline var recovered: (half: JournalHalf, frameCount: Int)?
    /// Packets of the present step whose frames had reached the host before the step began: one
    /// bit for each.
    @usableFromInline var sentBefore: UInt64 = 0
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

    /// Allocates everything but the arena and the journal.
    public init(arena: consuming PageArena, step: WorkerJournal<Words>) {
        precondition(
            arena.size >= Self.arenaPageCount * PageArena.pageSize, "an arena that is too small")
        self.arena = arena
        self.step = step
    }
}
