// SPDX-License-Identifier: Apache-2.0
import HostNetwork
import NetBack
import Netif
import Platform
import Ring

/// Why a guest is silent: one step after the other, from the toolstack to the bridge, in words.
struct Explanation {
    /// One step.
    struct Step: Encodable {
        /// `ok`, `wrong`, or `?` where it cannot be told.
        var verdict: String
        var text: String
    }

    private(set) var steps: [Step] = []
    /// The first step that is wrong: look there.
    var culprit: Step? { steps.first { $0.verdict == "wrong" } }

    /// `before` is the same vif a little earlier, with its rings.
    init(of look: VifLook, before: VifLook?, _ subject: Subject) {
        explainNodes(look)
        for queue in look.queues {
            let old = before?.queues.first { $0.index == queue.index }
            explainRings(queue, name: "queue \(queue.index)")
            explainMovement(queue, old, name: "queue \(queue.index)")
            explainJournal(queue, name: "queue \(queue.index)")
        }
        explainWorkers(look, subject)
        explainBridge(look)
    }

    private mutating func add(_ isRight: Bool?, _ text: String) {
        steps.append(Step(verdict: isRight.map { $0 ? "ok" : "wrong" } ?? "?", text: text))
    }

    // MARK: xenstore

    private mutating func explainNodes(_ look: VifLook) {
        guard let nodes = look.nodes else {
            add(nil, "xenstore: not to be asked here")
            return
        }
        let backend = TextTable.printable(VifNodes.stateName(nodes.backendState) ?? "missing")
        let frontend = TextTable.printable(VifNodes.stateName(nodes.frontendState) ?? "missing")
        let states = "the backend is \(backend), the frontend \(frontend)"
        switch (nodes.backendState, nodes.frontendState) {
        case ("4", "4"): add(true, "states: both ends are Connected")
        case ("2", "1"), ("2", "6"), ("2", "0"), ("2", nil):
            add(
                false,
                "states: \(states): the guest's driver has not answered; is its module loaded, "
                    + "and is the guest up?")
        case ("1", _), (nil, _):
            add(false, "states: \(states): no backend has taken it up; does one run?")
        case ("5", _), ("6", _):
            add(false, "states: \(states): the backend has closed it; a reconnect is needed")
        case (_, "5"), (_, "6"):
            add(false, "states: \(states): the guest has closed it; its driver went away")
        default: add(false, "states: \(states)")
        }
        if let error = nodes.error {
            add(false, "the backend complained: \(TextTable.printable(error))")
        }
        if nodes.frontend == nil { add(false, "permissions: no frontend node can be read") }
        if nodes.online == "0" { add(false, "the toolstack has taken it offline") }
        if let status = nodes.hotplugStatus, status != "connected" {
            add(false, "hotplug: \(TextTable.printable(status))")
        }
    }

    // MARK: rings

    private mutating func explainRings(_ queue: QueueLook, name: String) {
        if queue.transmit.port == nil && queue.receive.port == nil {
            add(false, "\(name): the frontend wrote no event channel")
        }
        func show<Format: RingFormat>(_ half: HalfLook<Format>, _ way: String) {
            if let failure = half.failure {
                add(false, "\(name) \(way): \(failure)")
            } else if let indices = half.image?.indices, !indices.isPlausible {
                add(
                    false,
                    "\(name) \(way): its indices are impossible, req_prod="
                        + "\(indices.requestProducer) rsp_prod=\(indices.responseProducer)")
            } else if half.image != nil {
                add(true, "\(name) \(way): the grant maps and the indices are possible")
            }
        }
        show(queue.transmit, "Tx")
        show(queue.receive, "Rx")
    }

    private mutating func explainMovement(
        _ queue: QueueLook, _ old: QueueLook?, name: String
    ) {
        guard let tx = queue.transmit.image?.indices, tx.isPlausible else { return }
        let oldTx = old?.transmit.image?.indices
        if tx.unansweredCount > 0, let oldTx {
            let isMoving = tx.responseProducer != oldTx.responseProducer
            add(
                isMoving,
                "\(name) Tx: \(tx.unansweredCount) requests wait and "
                    + (isMoving
                        ? "are being answered"
                        : "none was answered: the backend does not serve it (try `ringctl kick`)"))
        } else if tx.unansweredCount == 0 {
            add(true, "\(name) Tx: every request is answered")
        }
        guard let rx = queue.receive.image?.indices, rx.isPlausible else { return }
        if rx.unansweredCount == 0 {
            add(
                false,
                "\(name) Rx: the guest has posted no buffer: packets for it wait, its driver is "
                    + "stuck or paused")
            return
        }
        // A frame that may be as large as any packet is read only when there is room for it.
        let needed = queue.opening?.receiveSlotsNeeded ?? UInt32(NetifLimits.slotsPerPacketMax)
        let isEnough = rx.unansweredCount >= needed
        let isMoving = old.map { $0.receive.image?.indices != rx } ?? false
        add(
            isEnough || isMoving ? true : queue.opening == nil ? nil : false,
            "\(name) Rx: \(rx.unansweredCount) buffers are posted"
                + (isEnough
                    ? "" : ", and the largest packet needs \(needed)")
                + (isEnough || isMoving
                    ? "" : ": packets for the guest wait, its driver is stuck or paused"))
    }

    private mutating func explainJournal(_ queue: QueueLook, name: String) {
        guard let tx = queue.transmit.journal, let rx = queue.receive.journal else { return }
        for (half, way) in [(tx, "Tx"), (rx, "Rx")] {
            if half.isDisabled {
                add(false, "\(name) \(way): disabled after a fault; `ringctl events` says which")
            }
            if half.isStalling { add(false, "\(name) \(way): stalls on purpose") }
        }
        let dropped =
            (tx.statistics.named + rx.statistics.named).filter {
                $0.value > 0
                    && [
                        "tx_invalid", "tx_copy_failures", "tx_refused", "rx_copy_failures",
                        "rx_oversized",
                    ].contains($0.name)
            }
        if !dropped.isEmpty {
            add(
                nil,
                "\(name): packets were lost: "
                    + dropped.map { "\($0.name)=\($0.value)" }.joined(separator: " "))
        }
        if tx.statistics.transmitPackets == 0 {
            add(nil, "\(name): the guest has sent nothing since it connected")
        }
        if rx.statistics.receivePackets == 0 {
            add(nil, "\(name): nothing has come for the guest: look at the bridge and beyond")
        }
    }

    // MARK: the backend and the host

    private mutating func explainWorkers(_ look: VifLook, _ subject: Subject) {
        let ours = look.queues.contains { $0.slot != nil }
        guard ours else {
            if look.nodes?.backend == nil {
                add(nil, "backend: not ours, or its memory cannot be had")
            }
            return
        }
        let found = BackendRules.findings(of: subject).filter { $0.rule != .workerDeaths }
        if found.isEmpty { add(true, "backend: its workers live and a shadow stands by") }
        for finding in found {
            add(finding.rule == .noShadow ? nil : false, "backend: \(finding.line)")
        }
    }

    private mutating func explainBridge(_ look: VifLook) {
        guard look.nodes?.backend == nil, let nodes = look.nodes, let bridge = nodes.bridge else {
            return
        }
        let interface = look.interfaceName ?? "\(look.vif)"
        do throws(HostNetworkError) {
            let session = try NetlinkSession()
            // In our network namespace: elsewhere it cannot be told.
            guard let link = try session.link(named: interface) else {
                add(nil, "bridge: there is no \(interface) in this network namespace")
                return
            }
            let master = try session.link(named: bridge)?.index
            let isPort = master != nil && link.master == master
            add(isPort, "bridge: \(interface) is \(isPort ? "" : "not ")a port of \(bridge)")
            add(link.isUp, "bridge: \(interface) is \(link.isUp ? "up" : "down")")
            let counted = try session.statistics(of: interface)
            if counted.transmittedDropped > 0 {
                add(
                    nil,
                    "bridge: \(counted.transmittedDropped) frames for the guest were dropped at "
                        + "\(interface), because it did not take them in time")
            }
        } catch {
            add(nil, "bridge: cannot be asked: \(error)")
        }
    }
}
