// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import SharedMemory
import TestSupport

@testable import NetBack

/// One queue of a guest in a random simulation, with real event channels.
///
/// An honest one is judged; a hostile one has rings of its own and writes there what it likes.
final class RandomGuest {
    let id: DomainID
    let slot: Int
    let line = HostLine()
    let honest: SimulatedQueue?
    let ports: (transmit: EventChannelPort, receive: EventChannelPort)
    private let bells = Bells(queueCount: 1)
    private var domain: InProcessGuestDomain
    private var late: [EventChannelPort] = []
    private var undelivered: ArraySlice<ReceiveCase> = []
    /// The number that stands for its port with its worker.
    var portNumber: Int?
    var isGone = false
    /// Its journal was written over: what it gets is no longer anybody's promise.
    var isCorrupted = false
    /// Only its indices were, and so that it shows: its packets may be lost, its vif not.
    var isRecognisable = true
    /// Its halves were isolated, because serving them ended backends.
    var isIsolated = false
    /// Notifications to or from it were lost.
    var hasLostEvents = false

    init(
        _ id: DomainID, slot: Int, _ machine: Machine, isHostile: Bool,
        _ random: inout SplitMix64
    ) throws {
        self.id = id
        self.slot = slot
        try machine.createDomain(
            name: "guest", pageCount: isHostile ? 64 : NetFrontQueue.pageCount, id: id)
        var domain = try InProcessGuestDomain(machine, domain: id)
        ports = (
            try domain.allocateUnbound(for: DomainID(1)),
            try domain.allocateUnbound(for: DomainID(1))
        )
        if isHostile {
            honest = nil
            for page in 0..<64 {
                domain.grant(
                    GrantReference(UInt32(8 + page)), page: page, to: DomainID(1),
                    readOnly: page > 40)
            }
            for page in 0..<2 {
                let words = domain.words(ofPage: page)
                for word in 0..<4 {
                    words.storeRelaxed(.max - 6 + UInt32(word % 2), at: word)
                }
            }
            undelivered = (0..<8).map { ReceiveCase(kind: .small, number: $0) }[...]
        } else {
            let queue = try SimulatedQueue(
                0, label: slot, machine, guest: id, Self.scenario(&random), bells)
            undelivered = queue.cases[...]
            line.refused = queue.refusedNumbers
            line.tellsTraffic = queue.scenario.tellsTraffic
            honest = queue
        }
        self.domain = domain
    }

    private static func scenario(_ random: inout SplitMix64) -> Scenario {
        var scenario = Scenario(name: "random")
        func several<Kind>(_ kinds: [Kind]) -> [Kind] {
            let count = Int.random(in: 0...10, using: &random)
            return (0..<count).compactMap { _ in kinds.randomElement(using: &random) }
        }
        scenario.transmits = several(TransmitCase.Kind.allCases.filter { $0 != .refused })
        scenario.receives = several(ReceiveCase.Kind.allCases)
        scenario.burst = Int.random(in: 1...8, using: &random)
        if Bool.random(using: &random) {
            scenario.features.subtract([
                .segmentationTCPv4, .segmentationTCPv6, .checksumIPv6,
            ])
            scenario.frameSizeMax = 9000
            scenario.buffersMax = [nil, 3, 5, 40].randomElement(using: &random) ?? nil
        }
        scenario.start = .max - UInt32.random(in: 0...12, using: &random)
        scenario.tellsTraffic = Int.random(in: 0..<5, using: &random) > 0
        return scenario
    }

    var opening: QueueOpening {
        let references = honest?.ringReferences ?? [GrantReference(8), GrantReference(9)]
        return QueueOpening(
            id: QueueID(vif: VifID(domain: id, device: 0), index: 0, generation: 1),
            configuration: QueueConfiguration(
                transmitRing: references[0], receiveRing: references[1],
                transmitPort: ports.transmit, receivePort: ports.receive),
            features: honest?.scenario.features ?? Scenario.allFeatures,
            frameSizeMax: honest?.scenario.frameSizeMax ?? 9000, slot: slot)
    }

    /// The words of both rings, for a picture of them at a death.
    var rings: [MappedWords] { [domain.words(ofPage: 0), domain.words(ofPage: 1)] }

    /// Frames come for it; true if some did.
    func deliver(_ count: Int) -> Bool {
        for made in undelivered.prefix(count) { line.queue(made.frame) }
        defer { undelivered = undelivered.dropFirst(count) }
        return !undelivered.isEmpty
    }

    /// One turn; false when there was nothing to do.
    func act(_ plan: FaultPlan, _ random: inout SplitMix64, isQuiet: Bool) throws -> Bool {
        if isGone { return false }
        var isIdle = true
        if isQuiet || random.happens(300) {
            for port in late { try domain.notify(port) }
            if !late.isEmpty { isIdle = false }
            late = []
        }
        while let port = try domain.nextPending() {
            isIdle = false
            try domain.unmask(port)
            bells.toGuest[0] = true
        }
        guard let honest else {
            if !isQuiet, random.happens(plan.hostility) { try misbehave(&random) }
            return !isIdle
        }
        if try honest.act(polls: false) { isIdle = false }
        if bells.transmitToBackend[0] { try ring(ports.transmit, plan, &random, isQuiet) }
        if bells.receiveToBackend[0] { try ring(ports.receive, plan, &random, isQuiet) }
        bells.transmitToBackend[0] = false
        bells.receiveToBackend[0] = false
        return !isIdle
    }

    /// Looks although nobody said so, as after an event that was lost.
    func poll() { bells.toGuest[0] = true }

    private func ring(
        _ port: EventChannelPort, _ plan: FaultPlan, _ random: inout SplitMix64, _ isQuiet: Bool
    ) throws {
        if !isQuiet, random.happens(plan.lostEvent) {
            hasLostEvents = true
        } else if !isQuiet, random.happens(plan.lateEvent) {
            late.append(port)
        } else {
            try domain.notify(port)
        }
    }

    /// Writes something somewhere: now and then garbage, mostly what is nearly right.
    private func misbehave(_ random: inout SplitMix64) throws {
        let page = Int.random(in: 0..<2, using: &random)
        let words = domain.words(ofPage: page)
        switch Int.random(in: 0..<12, using: &random) {
        case 0:
            words.storeRelease(
                .random(in: 0 ... .max, using: &random), at: .random(in: 0..<4, using: &random))
        case 1:
            for word in 16..<1024 where Int.random(in: 0..<4, using: &random) == 0 {
                words.storeRelaxed(.random(in: 0 ... .max, using: &random), at: word)
            }
        case 2:
            let word = Bool.random(using: &random) ? 0 : 2
            words.storeRelease(
                words.loadRelaxed(at: word) &- .random(in: 0...4, using: &random), at: word)
        default:
            let producer = words.loadRelaxed(at: 0)
            let count = UInt32.random(in: 1...12, using: &random)
            for offset in 0..<count {
                let index = RingIndex(producer).advanced(by: offset)
                if page == 0 {
                    let request = TransmitRequest(
                        grantReference: .random(in: 8...75, using: &random),
                        offset: .random(in: 0...60, using: &random),
                        flags: TransmitFlags(rawValue: .random(in: 0...15, using: &random)),
                        id: .random(in: 0 ... .max, using: &random),
                        size: .random(in: 0...4200, using: &random))
                    words.writeSlot(
                        request.slot, at: TransmitFormat.firstWord(of: index), count: 3)
                } else {
                    let request = ReceiveRequest(
                        id: .random(in: 0 ... .max, using: &random),
                        grantReference: .random(in: 8...75, using: &random))
                    words.writeSlot(
                        request.slot, at: ReceiveFormat.firstWord(of: index), count: 2)
                }
            }
            words.storeRelease(producer &+ count, at: 0)
        }
        try domain.notify(page == 0 ? ports.transmit : ports.receive)
    }
}
