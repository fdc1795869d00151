// SPDX-License-Identifier: Apache-2.0
import Platform
import TestSupport

/// The host's side of a queue: it outlives every backend, and counts as a kernel does.
final class HostLine {
    /// Frames that wait for the guest.
    private var waiting: [HostFrame] = []
    private var taken = 0
    /// Frames that the guest sent, as they came.
    private(set) var fromGuest: [HostFrame] = []
    /// Frames that the host refuses, whenever it gets them.
    var refused: Set<Int> = []
    /// The frame from the guest that ends whatever backend hands it over.
    var poison: Int?
    /// Frames that were refused so far, once for each time.
    private(set) var refusalCount = 0
    /// Whether the host tells what it has counted.
    var tellsTraffic = true
    // The counts are those of a link that has been up for long.
    private var counted = PortTraffic(
        framesTaken: .max - 2, framesGiven: .max - 2, bytesGiven: .max - 150)

    /// Frames that wait for the guest.
    var waitingCount: Int { waiting.count - taken }

    /// What the kernel has counted.
    var traffic: PortTraffic? { tellsTraffic ? counted : nil }

    /// Puts a frame into the queue to the guest.
    func queue(_ frame: HostFrame) { waiting.append(frame) }

    /// Gives the next frame to a reader.
    func next() -> HostFrame? {
        guard taken < waiting.count else { return nil }
        let frame = waiting[taken]
        taken += 1
        counted.framesGiven &+= 1
        counted.bytesGiven &+= UInt32(frame.bytes.count)
        return frame
    }

    /// Takes a frame from the guest; false when it is refused.
    func take(_ frame: HostFrame) -> Bool {
        guard !refused.contains(frame.number) else {
            refusalCount += 1
            return false
        }
        fromGuest.append(frame)
        counted.framesTaken &+= 1
        return true
    }
}

/// One backend's port on a line.
struct MortalPort: PacketPort, ~Copyable {
    private let line: HostLine
    private let clock: CrashClock

    init(_ line: HostLine, clock: CrashClock) {
        self.line = line
        self.clock = clock
    }

    mutating func receive(
        into arena: borrowing PageArena, at offset: Int, capacity: Int,
        headerAt headerOffset: Int, header: inout VnetHeader
    ) throws(PlatformError) -> Int? {
        guard line.waitingCount > 0, clock.tick(), let frame = line.next() else { return nil }
        precondition(frame.bytes.count <= capacity, "too little room for a frame")
        arena.write(frame.bytes, at: offset)
        arena.setVnetHeader(frame.header, at: headerOffset)
        header = arena.vnetHeader(at: headerOffset)
        clock.afterEffect?()
        return frame.bytes.count
    }

    mutating func transmit(
        _ batch: inout FrameBatch, from arena: borrowing PageArena
    ) throws(PlatformError) {
        for number in 0..<batch.count where clock.tick() {
            var bytes: [UInt8] = []
            for position in 0..<batch[number].fragments.count {
                bytes += arena.read(batch[number].fragments[position])
            }
            let frame = HostFrame(bytes: bytes, header: batch[number].header)
            if line.poison == frame.number {
                clock.kill()
                return
            }
            let isTaken = line.take(frame)
            batch[number].outcome = isTaken ? .sent : .refused
            clock.afterEffect?()
        }
    }

    func traffic() -> PortTraffic? { line.traffic }
}

extension PageArena {
    /// Copies bytes to an offset.
    func write(_ bytes: [UInt8], at offset: Int) {
        // SAFETY: the arena checks the range.
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe address(of: offset, count: source.count).copyMemory(
                from: base, byteCount: source.count)
        }
    }

    /// The bytes of a piece of a frame.
    func read(_ piece: FrameFragment) -> [UInt8] {
        // SAFETY: the arena checks the range.
        unsafe [UInt8](
            UnsafeRawBufferPointer(
                start: address(of: piece.offset, count: piece.count), count: piece.count))
    }
}
