// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EmulatedPlatform
import Netif
import Platform
import Ring
import StoreClient
import XenPlatform

/// `ringctl dump`: the rings of one vif.
struct DumpCommand: ParsableCommand {
    /// More queues than any frontend asks for; the number is the guest's word.
    private static var queuesMax: UInt32 { 64 }

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

            --slots shows each unanswered slot. Of a broken ring every slot is shown. Both ends
            go on while we look, so that a busy ring's slots may be newer than its indices.
            """)

    @Argument(help: "The vif: vif3.0 is device 0 of domain 3.")
    var vif: VifArgument

    @Flag(help: "Decode the slots that have no response yet.")
    var slots = false

    @OptionGroup var options: HypervisorOption

    func run() throws {
        let choice = options.hypervisor
        var store = try choice.openStore()
        let queues: [VifQueueNodes]?
        do throws(PlatformError) {
            let nodes = try VifNodes(of: vif.vif, in: &store)
            queues = try nodes.map { (nodes) throws(PlatformError) in
                try VifQueueNodes.all(of: nodes, upTo: Self.queuesMax, in: &store)
            }
        } catch {
            throw choice.complaint(of: error, at: "xenstore cannot be read")
        }
        guard let queues else {
            throw Complaint(
                "this domain serves no \(vif.vif)", remedy: "`ringctl list` shows what it does")
        }
        let isWhole: Bool
        do throws(PlatformError) {
            switch choice {
            case .xen:
                var hypervisor = try XenHypervisor()
                isWhole = show(queues, through: &hypervisor)
            case .emulated(let folder):
                var hypervisor = try EmulatedHypervisor(socket: folder + "/hypervisor.sock")
                isWhole = show(queues, through: &hypervisor)
            }
        } catch {
            throw choice.complaint(of: error, at: "the hypervisor cannot be reached")
        }
        if !isWhole {
            throw Complaint(
                "not every ring of \(vif.vif) could be shown",
                remedy: "a frontend that is not connected has no rings")
        }
    }

    /// Prints every ring that can be had; false if one could not.
    private func show<H: Hypervisor & ~Copyable>(
        _ queues: [VifQueueNodes], through hypervisor: inout H
    ) -> Bool {
        var isWhole = true
        for queue in queues {
            print("\(vif.vif) queue \(queue.index)")
            let transmit = image(
                TransmitFormat.self, "Tx", queue.transmitRing, NetifKey.txRingRef, &hypervisor)
            if slots, let transmit { transmit.slotLines.forEach { print($0) } }
            let receive = image(
                ReceiveFormat.self, "Rx", queue.receiveRing, NetifKey.rxRingRef, &hypervisor)
            if slots, let receive { receive.slotLines.forEach { print($0) } }
            isWhole = isWhole && transmit != nil && receive != nil
        }
        return isWhole
    }

    /// Prints one ring's indices, or why it cannot be read.
    private func image<Format: RingFormat, H: Hypervisor & ~Copyable>(
        _ format: Format.Type, _ name: String, _ text: String?, _ key: String,
        _ hypervisor: inout H
    ) -> RingImage<Format>? {
        guard let text else {
            print("\(name): the frontend wrote no \(key)")
            return nil
        }
        guard let reference = UInt32(plain: text) else {
            print("\(name): \(key)=\(TextTable.printable(text)) is not a grant reference")
            return nil
        }
        do throws(PlatformError) {
            let image = try hypervisor.image(
                format, of: GrantReference(reference), from: vif.vif.domain)
            print("\(name): \(key)=\(reference)")
            image.lines.forEach { print($0) }
            return image
        } catch {
            print("\(name): \(key)=\(reference) cannot be mapped: \(error)")
            return nil
        }
    }
}
