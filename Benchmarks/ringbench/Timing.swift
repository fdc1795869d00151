// SPDX-License-Identifier: Apache-2.0
internal import BenchmarkReport
internal import Glibc
internal import RingLoops

/// One case, measured: nanoseconds per packet of each contender in each round.
struct Timing {
    private let direction: RingLoops.Direction
    private let shape: PacketShape
    private let copying: Bool
    private var swift: [Double] = []
    private var c: [Double] = []
    private var copy: [Double] = []
    /// Of the first `cyclesHashed` cycles: the same everywhere.
    private var hash: UInt64 = 0
    private static let cyclesHashed = 16

    init(_ direction: RingLoops.Direction, _ shape: PacketShape, copying: Bool) {
        self.direction = direction
        self.shape = shape
        self.copying = copying
    }

    /// Measures; who goes first in a round changes from round to round.
    mutating func run(
        _ loops: inout RingLoops, rounds: Int, milliseconds: Int
    ) throws {
        let cycles = try calibrate(&loops, milliseconds: milliseconds)
        for round in 0..<rounds {
            if round % 2 == 0 { try runSwift(&loops, cycles: cycles) }
            try runC(&loops, cycles: cycles)
            if round % 2 == 1 { try runSwift(&loops, cycles: cycles) }
            if copying {
                let start = Timing.now()
                loops.runCopy(direction, shape, cycles: cycles)
                copy.append(perPacket(since: start, cycles: cycles))
            }
        }
    }

    /// As a line of the table.
    var row: [String] {
        let what = "\(direction.rawValue) \(shape.name), \(copying ? "copied" : "not copied")"
        return [
            "\(what) [\(String(hash, radix: 16))]",
            Spread(swift)?.text(digits: 1) ?? "",
            Spread(c)?.text(digits: 1) ?? "",
            Spread(copy)?.text(digits: 1) ?? "",
            Spread.ratio(swift, c)?.text(digits: 2) ?? "",
            Spread.ratio(swift, copy).map { Number.text($0.median, digits: 2) } ?? "",
        ]
    }

    private mutating func runSwift(_ loops: inout RingLoops, cycles: Int) throws {
        let start = Timing.now()
        _ = try loops.runSwift(direction, shape, cycles: cycles, copying: copying)
        swift.append(perPacket(since: start, cycles: cycles))
    }

    private mutating func runC(_ loops: inout RingLoops, cycles: Int) throws {
        let start = Timing.now()
        _ = loops.runC(direction, shape, cycles: cycles, copying: copying)
        c.append(perPacket(since: start, cycles: cycles))
    }

    /// Warms everything up, checks that both languages did the same, and finds how many cycles
    /// take as long as wanted.
    private mutating func calibrate(
        _ loops: inout RingLoops, milliseconds: Int
    ) throws -> Int {
        var cycles = Timing.cyclesHashed
        hash = try loops.runSwift(direction, shape, cycles: cycles, copying: copying)
        while true {
            let start = Timing.now()
            let seen = try loops.runSwift(direction, shape, cycles: cycles, copying: copying)
            let elapsed = Timing.now() - start
            guard loops.runC(direction, shape, cycles: cycles, copying: copying) == seen else {
                throw UnequalWork()
            }
            if elapsed >= UInt64(milliseconds) * 1_000_000 { return cycles }
            cycles *= 2
        }
    }

    private func perPacket(since start: UInt64, cycles: Int) -> Double {
        Double(Timing.now() - start) / Double(cycles * shape.packetsPerCycle)
    }

    /// Nanoseconds that this thread has run: other programs on the machine do not count.
    private static func now() -> UInt64 {
        var time = timespec()
        // SAFETY: the call writes one timespec of this frame.
        unsafe _ = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// The two languages saw different packets: there is nothing to compare.
struct UnequalWork: Error {}
