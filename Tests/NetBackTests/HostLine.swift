// SPDX-License-Identifier: Apache-2.0
import Platform

/// A frame with what is left to do to it.
struct HostFrame: Equatable {
    var bytes: [UInt8]
    var header = VnetHeader()
}

/// The host's side of a vif in memory: what waits for the guest, and what came from it.
final class HostLine {
    /// Frames that wait for the guest.
    private(set) var waiting: [HostFrame] = []
    private var taken = 0
    /// Frames that the guest sent.
    var fromGuest: [HostFrame] = []
    /// Frames to come that are refused.
    var refusals = 0
    /// Frames that are refused, counted from the start.
    var refused: Set<Int> = []
    /// Frames that the port was offered, and how many each time.
    fileprivate(set) var offeredCount = 0
    fileprivate(set) var batchSizes: [Int] = []
    /// What every call fails with.
    var failure: PlatformError?
    /// Called when the port has taken a batch and not yet said so.
    var afterTransmit: (() -> Void)?
    /// A frame that is there again as soon as it was read.
    var endless: HostFrame?
    /// Frames read, and their bytes.
    var readCount = 0
    private var readBytes = 0
    /// Frames that were not refused.
    fileprivate var takenCount = 0
    /// Ports that are open on this line.
    var openPortCount = 0

    /// Frames that wait for the guest.
    var waitingCount: Int { waiting.count - taken }

    /// Puts a frame into the queue to the guest.
    func queue(_ frame: HostFrame) { waiting.append(frame) }

    fileprivate func next() -> HostFrame? {
        guard taken < waiting.count || endless != nil else { return nil }
        readCount += 1
        let frame = taken < waiting.count ? waiting[taken] : endless
        if taken < waiting.count { taken += 1 }
        readBytes += frame?.bytes.count ?? 0
        return frame
    }

    /// What a kernel would have counted.
    var traffic: PortTraffic {
        PortTraffic(
            framesTaken: UInt32(truncatingIfNeeded: takenCount),
            framesGiven: UInt32(truncatingIfNeeded: readCount),
            bytesGiven: UInt32(truncatingIfNeeded: readBytes))
    }
}

/// A port on a line.
struct MemoryPort: PacketPort, ~Copyable {
    private let line: HostLine

    init(_ line: HostLine) {
        self.line = line
        line.openPortCount += 1
    }

    deinit { line.openPortCount -= 1 }

    mutating func receive(
        into arena: borrowing PageArena, at offset: Int, capacity: Int,
        headerAt headerOffset: Int, header: inout VnetHeader
    ) throws(PlatformError) -> Int? {
        if let failure = line.failure { throw failure }
        guard let frame = line.next() else { return nil }
        precondition(frame.bytes.count <= capacity, "too little room for a frame")
        // SAFETY: the arena checks the range.
        unsafe frame.bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe arena.address(of: offset, count: source.count).copyMemory(
                from: base, byteCount: source.count)
        }
        arena.setVnetHeader(frame.header, at: headerOffset)
        header = arena.vnetHeader(at: headerOffset)
        return frame.bytes.count
    }

    mutating func transmit(
        _ batch: inout FrameBatch, from arena: borrowing PageArena
    ) throws(PlatformError) {
        line.batchSizes.append(batch.count)
        if let failure = line.failure { throw failure }
        for number in 0..<batch.count {
            if line.refusals > 0 || line.refused.contains(line.offeredCount) {
                line.refusals -= line.refusals > 0 ? 1 : 0
                batch[number].outcome = .refused
            } else {
                line.fromGuest.append(
                    HostFrame(
                        bytes: bytes(of: batch[number].fragments, in: arena),
                        header: batch[number].header))
                line.takenCount += 1
                batch[number].outcome = .sent
            }
            line.offeredCount += 1
        }
        line.afterTransmit?()
    }

    func traffic() -> PortTraffic? { line.failure == nil ? line.traffic : nil }

    private func bytes(
        of fragments: FrameFragments, in arena: borrowing PageArena
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        for position in 0..<fragments.count {
            let fragment = fragments[position]
            // SAFETY: the arena checks the range.
            unsafe bytes.append(
                contentsOf: UnsafeRawBufferPointer(
                    start: arena.address(of: fragment.offset, count: fragment.count),
                    count: fragment.count))
        }
        return bytes
    }
}
