// SPDX-License-Identifier: Apache-2.0
import Netif
import Platform

/// Where the guest says that a queue's rings are; nil where it says nothing.
struct VifQueueNodes {
    let index: UInt32
    var transmitRing: String?
    var receiveRing: String?
    /// The guest's ports; one for both directions stands in both.
    var transmitPort: String?
    var receivePort: String?

    /// More queues than any frontend asks for; the number is the guest's word.
    static var queuesMax: UInt32 { 64 }

    /// Reads the nodes of every queue that the guest claims, 64 at most.
    static func all(
        of nodes: VifNodes, in store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> [VifQueueNodes] {
        let claimed = nodes.queueCount.flatMap { UInt32(plain: $0) } ?? 1
        var queues: [VifQueueNodes] = []
        for index in 0..<min(max(claimed, 1), queuesMax) {
            // One queue lives flat in the frontend's directory; several have one each.
            let prefix = claimed > 1 ? NetifKey.queue(Int(index)) + "/" : ""
            let shared = try nodes.readFrontend(prefix + NetifKey.eventChannel, in: &store)
            queues.append(
                VifQueueNodes(
                    index: index,
                    transmitRing: try nodes.readFrontend(
                        prefix + NetifKey.txRingRef, in: &store),
                    receiveRing: try nodes.readFrontend(
                        prefix + NetifKey.rxRingRef, in: &store),
                    transmitPort: try nodes.readFrontend(
                        prefix + NetifKey.eventChannelTx, in: &store) ?? shared,
                    receivePort: try nodes.readFrontend(
                        prefix + NetifKey.eventChannelRx, in: &store) ?? shared))
        }
        return queues
    }
}
