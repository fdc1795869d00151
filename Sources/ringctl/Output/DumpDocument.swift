// SPDX-License-Identifier: Apache-2.0
import NetBack
import Netif
import Platform
import Ring

/// What `ringctl dump --json` says.
struct DumpDocument: Encodable {
    var schema = "ringctl.dump/1"
    var queues: [Queue] = []

    struct Queue: Encodable {
        var vif: String
        var queue: UInt32
        /// The domain that serves it, nil for the one that we are.
        var backendDomain: UInt16?
        var journalPage: Int?
        var tx: Half
        var rx: Half
    }

    struct Half: Encodable {
        var ringRef: UInt32?
        var eventChannel: String?
        var failure: String?
        var nrEnts: UInt32
        var reqProd: UInt32?
        var reqEvent: UInt32?
        var rspProd: UInt32?
        var rspEvent: UInt32?
        var unanswered: UInt32?
        var isPlausible: Bool?
        var reqCons: UInt32?
        var rspProdPvt: UInt32?
        var intended: UInt32?
        var worker: Int?
        var isDisabled: Bool?
        var counters: [String: UInt64]?
        var slots: [String]?
    }

    init(_ looks: [VifLook], slots: Bool) {
        for look in looks {
            for queue in look.queues {
                queues.append(
                    Queue(
                        vif: "\(look.vif)", queue: queue.index,
                        backendDomain: look.nodes?.backend?.rawValue, journalPage: queue.slot,
                        tx: Self.half(
                            queue.transmit, slots ? queue.transmit.image?.slotLines : nil),
                        rx: Self.half(
                            queue.receive, slots ? queue.receive.image?.slotLines : nil)))
            }
        }
    }

    private static func half<Format: RingFormat>(
        _ half: HalfLook<Format>, _ slots: [String]?
    ) -> Half {
        var document = Half(
            ringRef: half.grant?.rawValue, eventChannel: half.port, failure: half.failure,
            nrEnts: Format.slotCount, slots: slots)
        if let indices = half.image?.indices {
            document.reqProd = indices.requestProducer.rawValue
            document.reqEvent = indices.requestEvent.rawValue
            document.rspProd = indices.responseProducer.rawValue
            document.rspEvent = indices.responseEvent.rawValue
            document.unanswered = indices.unansweredCount
            document.isPlausible = indices.isPlausible
        }
        if let page = half.journal {
            document.reqCons = page.done.rawValue
            document.rspProdPvt = page.published.rawValue
            document.intended = page.intended?.rawValue
            document.worker = page.worker
            document.isDisabled = page.isDisabled
            document.counters = Dictionary(
                page.statistics.named.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        }
        return document
    }
}
