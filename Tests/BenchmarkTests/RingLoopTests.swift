// SPDX-License-Identifier: Apache-2.0
import RingLoops
import Testing

@Suite("What ringbench times")
struct RingLoopTests {
    @Test(
        "this package's rings and Xen's macros see the same packets and the same responses",
        arguments: RingLoops.Direction.allCases, PacketShape.all.map(\.name))
    func sameWork(direction: RingLoops.Direction, name: String) throws {
        let shape = try #require(PacketShape.all.first { $0.name == name })
        var loops = try RingLoops()
        for copying in [false, true] {
            let seen = try loops.runSwift(direction, shape, cycles: 5, copying: copying)
            #expect(loops.runC(direction, shape, cycles: 5, copying: copying) == seen)
            #expect(seen != 0)
        }
        loops.runCopy(direction, shape, cycles: 2)
    }
}
