// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import NetBack
import Ring
import SharedMemory

/// What `ringctl journal --json` says.
struct JournalDocument: Encodable {
    var schema = "ringctl.journal/1"
    var version: UInt32
    var domain: String
    var workers: [Worker] = []
    var queues: [Queue] = []

    struct Worker: Encodable {
        var worker: Int
        var process: Int32
        var thread: Int32
        var epoch: UInt32
        var servesForNanoseconds: UInt64
        var activity: String?
        var stepPage: Int?
        var stepDirection: String?
        var stepBase: UInt32?
    }

    struct Queue: Encodable {
        var page: Int
        var interface: String
        var txPublished: UInt32?
        var txDone: UInt32?
        var txIntended: UInt32?
        var rxPublished: UInt32?
        var rxDone: UInt32?
    }

    init(_ view: StateView<MappedWords>, now: UInt64, _ looks: [QueueLook]) {
        version = JournalLayout.version
        domain = view.journal.domain
        for number in 0..<view.layout.workers {
            let page = view.journal.worker(number)
            let step = page.unfinishedStep
            workers.append(
                Worker(
                    worker: number, process: page.owner.process, thread: page.owner.thread,
                    epoch: page.lease.holder.rawValue,
                    servesForNanoseconds: now > page.servesSince ? now - page.servesSince : 0,
                    activity: view.heartbeat?.activity(ofSlot: number).map { "\($0)" },
                    stepPage: step?.half.slot,
                    stepDirection: step.map { $0.half.direction == .transmit ? "tx" : "rx" },
                    stepBase: step?.base.rawValue))
        }
        for look in looks {
            guard let slot = look.slot else { continue }
            queues.append(
                Queue(
                    page: slot, interface: view.journal.queue(slot).interfaceName,
                    txPublished: look.transmit.journal?.published.rawValue,
                    txDone: look.transmit.journal?.done.rawValue,
                    txIntended: look.transmit.journal?.intended?.rawValue,
                    rxPublished: look.receive.journal?.published.rawValue,
                    rxDone: look.receive.journal?.done.rawValue))
        }
    }
}
