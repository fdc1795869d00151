// SPDX-License-Identifier: Apache-2.0
internal import CRingLoop
public import Ring

/// A pair of rings in each language over the same memory, and the copies alone beside them.
@safe
public struct RingLoops: ~Copyable {
    /// Which ring goes round.
    public enum Direction: String, CaseIterable, Sendable {
        /// Guest to host.
        case transmit = "Tx"
        /// Host to guest.
        case receive = "Rx"
    }

    private let memory: LoopMemory
    private var transmitLoop: TransmitLoop
    private var receiveLoop: ReceiveLoop
    private let oracle: OpaquePointer

    /// Sets all rings up, empty.
    public init() throws(RingFault) {
        let pages = LoopMemory()
        let transmitting = try TransmitLoop(over: pages.ringWords(0))
        let receiving = try ReceiveLoop(over: pages.ringWords(1))
        // SAFETY: the ring pages live as long as this value; page 2 and 3 are the C loop's alone.
        unsafe oracle = c_ring_loop_create(
            pages.rings + 2 * LoopMemory.pageSize, pages.rings + 3 * LoopMemory.pageSize)
        memory = pages
        transmitLoop = transmitting
        receiveLoop = receiving
    }

    deinit { unsafe c_ring_loop_destroy(oracle) }

    /// The compiler of the C loop.
    public static var compiler: String { unsafe String(cString: c_ring_loop_compiler()) }

    /// Runs this package's rings; returns a hash of what both ends saw.
    public mutating func runSwift(
        _ direction: Direction, _ shape: PacketShape, cycles: Int, copying: Bool
    ) throws(RingFault) -> UInt64 {
        switch direction {
        case .transmit:
            try transmitLoop.run(shape, cycles: cycles, copying: copying, in: memory)
        case .receive:
            try receiveLoop.run(shape, cycles: cycles, copying: copying, in: memory)
        }
    }

    /// Runs Xen's macros; the same hash.
    public mutating func runC(
        _ direction: Direction, _ shape: PacketShape, cycles: Int, copying: Bool
    ) -> UInt64 {
        // SAFETY: the work describes memory that this value owns, and shapes that fit in it.
        var work = unsafe work(shape, copying: copying)
        return switch direction {
        case .transmit: unsafe c_ring_loop_transmit(oracle, &work, UInt32(cycles))
        case .receive: unsafe c_ring_loop_receive(oracle, &work, UInt32(cycles))
        }
    }

    /// Copies the same bytes between the same places with nothing around it.
    public mutating func runCopy(_ direction: Direction, _ shape: PacketShape, cycles: Int) {
        // SAFETY: as in `runC`.
        var work = unsafe work(shape, copying: true)
        switch direction {
        case .transmit: unsafe c_ring_loop_copy_transmit(&work, UInt32(cycles))
        case .receive: unsafe c_ring_loop_copy_receive(&work, UInt32(cycles))
        }
    }

    private func work(_ shape: PacketShape, copying: Bool) -> c_ring_loop_work {
        unsafe c_ring_loop_work(
            guest: memory.guest.assumingMemoryBound(to: UInt8.self),
            arena: memory.arena.assumingMemoryBound(to: UInt8.self),
            packet_count: UInt32(shape.packetsPerCycle), slot_size: UInt32(shape.firstPieceSize),
            packet_size: UInt32(shape.size), piece_count: UInt32(shape.pieceCount),
            segment_size: shape.segmentSize ?? 0, copying: copying)
    }
}
