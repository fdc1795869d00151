// SPDX-License-Identifier: Apache-2.0
// Questions: what does this package's ring and netif code cost per packet, with and without the
// copy of the packet's bytes? How much more than the same loop over Xen's C macros? How much more
// than the copy alone?
internal import ArgumentParser
internal import BenchmarkReport
internal import RingLoops

@main
struct Ringbench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ringbench",
        abstract: "Times ring and netif code beside Xen's macros and beside a plain memcpy.",
        discussion: """
            Both ends of each ring run on one thread. Each round runs Swift, C and memcpy in turn, \
            ratios are taken within the round.
            """)

    @Option(help: "Rounds; medians are taken over them.")
    var rounds = 41

    @Option(help: "Milliseconds that one measurement should take.")
    var milliseconds = 5

    @Option(help: "What to call the Swift compiler in the header.")
    var compiler = Provenance.swift

    func validate() throws {
        guard rounds > 0, milliseconds > 0 else {
            throw ValidationError("rounds and milliseconds must be positive")
        }
    }

    func run() throws {
        print("Ring and netif code alone, emulated: both ends on one thread, no hypervisor")
        print(
            Provenance.header(
                command: Provenance.command,
                compilers: [compiler, "\(RingLoops.compiler.prefix { $0 != "(" })for C"]))
        var loops = try RingLoops()
        var table = Table([
            "ns per packet, median (min-max)", "Swift", "C macros", "memcpy", "Swift/C",
            "Swift/memcpy",
        ])
        for direction in RingLoops.Direction.allCases {
            for shape in PacketShape.all {
                for copying in [false, true] {
                    var timing = Timing(direction, shape, copying: copying)
                    try timing.run(&loops, rounds: rounds, milliseconds: milliseconds)
                    table.append(timing.row)
                }
            }
        }
        print(table.markdown, terminator: "")
    }
}
