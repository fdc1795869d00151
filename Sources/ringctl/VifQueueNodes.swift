// SPDX-License-Identifier: Apache-2.0
import Netif
import Platform

/// Where the guest says that a queue's rings are; nil where it says nothing.
struct VifQueueNodes {
    let index: UInt32
    var transmitRing: String?
    var receiveRing: String?

    /// Reads the nodes of every queue that the guest claims, `limit` at most.
    static func all(
        of nodes: VifNodes, upTo limit: UInt32, in store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> [VifQueueNodes] {
        let claimed = nodes.queueCount.flatMap { UInt32(plain: $0) } ?? 1
        var queues: [VifQueueNodes] = []
        for index in 0..<min(max(claimed, 1), limit) {
            // One queue lives flat in the frontend's directory; several have one each.
            let prefix = claimed > 1 ? NetifKey.queue(Int(index)) + "/" : ""
            queues.append(
                VifQueueNodes(
                    index: index,
                    transmitRing: try nodes.readFrontend(
                        prefix + NetifKey.txRingRef, in: &store),
                    receiveRing: try nodes.readFrontend(
                        prefix + NetifKey.rxRingRef, in: &store)))
        }
        return queues
    }
}
