// SPDX-License-Identifier: Apache-2.0
import NetBack
import Netif
import Ring

/// What must hold of a queue's rings and of what its backend keeps of them.
enum RingRules {
    /// The findings of a vif as it was found at one moment.
    static func findings(of look: VifLook) -> [Finding] {
        var found: [Finding] = []
        // A vif that is not connected has no rings, and that is said below.
        let isConnected =
            look.nodes.map { $0.backendState == "4" && $0.frontendState == "4" } ?? true
        for queue in look.queues where isConnected {
            let place = "\(look.title) queue \(queue.index)"
            found += findings(of: queue.transmit, .transmit, "\(place) Tx")
            found += findings(of: queue.receive, .receive, "\(place) Rx")
        }
        if let nodes = look.nodes { found += findings(of: nodes, look.title) }
        return found
    }

    /// Queues whose guest has waited from one look to the other without any answer.
    static func standstills(from before: VifLook, to after: VifLook) -> [Finding] {
        after.queues.compactMap { queue in
            guard let old = before.queues.first(where: { $0.index == queue.index }),
                let first = old.transmit.image?.indices, first.isPlausible,
                let last = queue.transmit.image?.indices, last.isPlausible,
                first.unansweredCount > 0, last.responseProducer == first.responseProducer
            else { return nil }
            return Finding(
                rule: .noProgress, place: "\(after.title) queue \(queue.index) Tx",
                text: "\(last.unansweredCount) requests wait and none is answered: the backend "
                    + "hangs, or an event was lost")
        }
    }

    private static func findings(of nodes: VifNodes, _ place: String) -> [Finding] {
        guard nodes.backendState != "4" || nodes.frontendState != "4" else { return [] }
        let backend = VifNodes.stateName(nodes.backendState) ?? "missing"
        let frontend = VifNodes.stateName(nodes.frontendState) ?? "missing"
        return [
            Finding(
                rule: .notConnected, place: place,
                text: "it is not connected: the backend is \(TextTable.printable(backend)), "
                    + "the frontend \(TextTable.printable(frontend))")
        ]
    }

    private static func findings<Format: RingFormat>(
        of half: HalfLook<Format>, _ direction: QueueDirection, _ place: String
    ) -> [Finding] {
        var found: [Finding] = []
        if let failure = half.failure {
            found.append(
                Finding(
                    rule: .ringUnreadable, place: place,
                    text: "the ring cannot be read: \(failure)"))
        }
        if let indices = half.image?.indices {
            if !indices.isPlausible {
                found.append(
                    Finding(
                        rule: .ringIndices, place: place,
                        text: "req_prod is \(indices.unansweredCount) before rsp_prod, and the "
                            + "ring has \(Format.slotCount) slots: one end is broken or hostile"))
            }
            // A consumer that waits asks for an answer that can come: at most a ring further on.
            let ahead = Int32(
                bitPattern: indices.responseEvent.distance(from: indices.responseProducer))
            if ahead > Int32(Format.slotCount) {
                found.append(
                    Finding(
                        rule: .responseEvent, place: place,
                        text: "rsp_event is \(ahead) before rsp_prod: the guest would never be "
                            + "notified"))
            }
        }
        if let page = half.journal {
            found += findings(of: page, half.image?.indices, Format.slotCount, place)
        }
        return found
    }

    private static func findings(
        of page: HalfPage, _ indices: RingSnapshot?, _ slotCount: UInt32, _ place: String
    ) -> [Finding] {
        var found: [Finding] = []
        let kept = page.done.distance(from: page.published)
        let sent = page.intended.map { $0.distance(from: page.done) } ?? 0
        if kept > slotCount || sent > slotCount {
            let intended = page.intended.map { " intended=\($0)" } ?? ""
            found.append(
                Finding(
                    rule: .journalOrder, place: place,
                    text: "the journal contradicts itself: published=\(page.published) "
                        + "done=\(page.done)\(intended)"))
        } else if let indices, indices.isPlausible {
            // published <= rsp_prod <= done <= req_prod
            let answered = indices.responseProducer.distance(from: page.published)
            let taken = page.done.distance(from: indices.responseProducer)
            let left = indices.requestProducer.distance(from: page.done)
            if answered > slotCount || taken > slotCount || left > slotCount {
                found.append(
                    Finding(
                        rule: .journalRing, place: place,
                        text: "the journal contradicts the ring: published=\(page.published) "
                            + "done=\(page.done) rsp_prod=\(indices.responseProducer) "
                            + "req_prod=\(indices.requestProducer)"))
            }
        }
        if page.isDisabled {
            found.append(
                Finding(
                    rule: .halfDisabled, place: place,
                    text: "it is served no more: the guest broke a rule, or a service failed; "
                        + "`ringctl events` says which, and a reconnect clears it"))
        }
        if page.isStalling {
            found.append(
                Finding(rule: .halfStalls, place: place, text: "it is made to stall, on purpose"))
        }
        return found
    }
}
