// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import NetBack
import Netif
import Ring

/// `ringctl dump`: the rings of one vif.
struct DumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Show the indices of a vif's rings, and what waits in them.",
        discussion: """
            A queue has two rings of 256 slots, named from the guest's side. In the Tx ring the
            guest posts packets (req_prod counts them) and the backend answers each one that it
            has taken (rsp_prod). In the Rx ring the guest posts empty buffers, and the backend
            answers with a packet in each. All four numbers only grow, and wrap at 2^32:

              req_prod - rsp_prod   unanswered: Tx packets that wait, Rx buffers that are free
              req_event             the backend wants an event when req_prod passes it
              rsp_event             the guest wants an event when rsp_prod passes it

            In parentheses is the distance from rsp_prod. A Tx ring with unanswered requests that
            does not move has a backend that does not serve; an Rx ring with none unanswered has a
            guest that gives no buffers. IMPLAUSIBLE marks indices that no working ring has: one
            end is broken or hostile.

            Of our own backend its private indices are shown too: req_cons (up to where requests
            are done with), rsp_prod_pvt (up to where answers are published), intended (up to where
            packets may have reached the host), and its counters.

            --slots shows each unanswered slot. Of a broken ring every slot is shown. Both ends
            go on while we look, so that a busy ring's slots may be newer than its indices.
            """)

    @Argument(help: "The vif: vif3.0 is device 0 of domain 3, g1/0 that of the guest g1.")
    var vif: VifArgument

    @Flag(help: "Decode the slots that have no response yet.")
    var slots = false

    @OptionGroup var options: SubjectOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let looks = try options.open().named(vif)
        if output.json {
            try output.print(DumpDocument(looks, slots: slots))
        } else {
            for look in looks { show(look) }
        }
        guard looks.allSatisfy({ $0.queues.allSatisfy(\.isWhole) }) else {
            throw Complaint(
                "not every ring of \(vif) could be shown",
                remedy: "a frontend that is not connected has no rings")
        }
    }

    private func show(_ look: VifLook) {
        for queue in look.queues {
            let backend = look.nodes?.backend.map { " served by domain \($0)" } ?? ""
            print("\(look.vif) queue \(queue.index)\(backend)")
            show(queue.transmit, "Tx", NetifKey.txRingRef) { $0.slotLines }
            show(queue.receive, "Rx", NetifKey.rxRingRef) { $0.slotLines }
        }
    }

    private func show<Format: RingFormat>(
        _ half: HalfLook<Format>, _ name: String, _ key: String,
        _ slotLines: (RingImage<Format>) -> [String]
    ) {
        let port = half.port.map { " port=\(TextTable.printable($0))" } ?? ""
        if half.image != nil {
            print("\(name): \(key)=\(half.reference ?? "")\(port)")
        } else {
            print("\(name): \(half.failure ?? "no ring")")
        }
        half.lines.forEach { print($0) }
        if slots, let image = half.image { slotLines(image).forEach { print($0) } }
    }
}
