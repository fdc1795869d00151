// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import SharedMemory

/// What is pending in either direction, queue by queue: event channels without Xen.
final class Bells {
    var transmitToBackend: [Bool]
    var receiveToBackend: [Bool]
    var toGuest: [Bool]

    init(queueCount: Int) {
        transmitToBackend = Array(repeating: false, count: queueCount)
        receiveToBackend = transmitToBackend
        toGuest = transmitToBackend
    }
}

/// One queue of an honest guest, with everything that judges its backend.
final class SimulatedQueue {
    private var front: NetFrontQueue
    private let domain: InProcessGuestDomain
    private let number: Int
    /// What makes the numbers of its frames different from those of other queues.
    private let label: Int
    let scenario: Scenario
    private let bells: Bells
    private let start: RingIndex
    private var shownBuffers: RingIndex
    private var packet = GuestPacket()
    private var unsent: ArraySlice<TransmitCase>
    private(set) var checker: AnswerChecker
    /// Frames that came, as they came.
    private(set) var received: [HostFrame] = []
    /// Packets that are to come out at the host, in order.
    private(set) var sent: [TransmitCase] = []

    init(
        _ number: Int, label: Int, _ machine: Machine, guest: DomainID, _ scenario: Scenario,
        _ bells: Bells
    ) throws {
        domain = try InProcessGuestDomain(machine, domain: guest)
        self.number = number
        self.label = label
        self.scenario = scenario
        self.bells = bells
        start = RingIndex(scenario.start)
        shownBuffers = start.advanced(by: ReceiveFormat.slotCount)
        var configuration = NetFrontQueueConfiguration(
            backend: DomainID(1), firstPage: number * NetFrontQueue.pageCount,
            firstGrant: GrantReference(UInt32(8 + number * NetFrontQueue.grantCount)),
            features: scenario.features, offer: Scenario.allFeatures)
        configuration.start = start
        front = NetFrontQueue(configuration, memory: domain)
        checker = AnswerChecker(
            words: domain.words(ofPage: configuration.firstPage), start: start)
        unsent =
            scenario.transmits.enumerated().map { position, kind in
                TransmitCase(kind: kind, number: label * 1000 + position)
            }[...]
        if let most = scenario.buffersMax {
            shownBuffers = start.advanced(by: most)
            receiveWords.storeRelease(shownBuffers.rawValue, at: RingLayout.requestProducer)
        }
        spoilBuffers()
    }

    var transmitWords: MappedWords {
        domain.words(ofPage: number * NetFrontQueue.pageCount)
    }

    var receiveWords: MappedWords {
        domain.words(ofPage: number * NetFrontQueue.pageCount + 1)
    }

    var oracle: FrontendOracle { front.oracle }
    var hasSentAll: Bool { unsent.isEmpty }
    /// The grants of both rings, which nobody may hold at the end.
    var ringReferences: [GrantReference] {
        [front.transmitRingReference, front.receiveRingReference]
    }

    /// Frames that the host sends it.
    var cases: [ReceiveCase] {
        scenario.receives.enumerated().map { position, kind in
            ReceiveCase(kind: kind, number: 100_000 + label * 1000 + position)
        }
    }

    /// Those of them that it is to get, in order.
    var expected: [ReceiveCase] {
        cases.filter { made in
            switch made.kind {
            case .small, .pages, .blank: true
            case .large: scenario.features.contains(.segmentationTCPv4)
            case .foreign: false
            // Who takes large packets takes them unsegmented too.
            case .oversized:
                scenario.frameSizeMax >= 20_000 || scenario.features.contains(.segmentationTCPv4)
            }
        }
    }

    /// Numbers of its packets that the host refuses.
    var refusedNumbers: Set<Int> {
        Set(
            scenario.transmits.indices.filter { scenario.transmits[$0] == .refused }
                .map { label * 1000 + $0 })
    }

    func hideRefusals() { checker.isRefusalHidden = true }

    /// Sees what is visible now; nothing is taken.
    func look() { checker.look() }

    /// One turn: takes what came, if it was notified or polls, and sends; false for nothing to do.
    func act(polls: Bool) throws -> Bool {
        var isIdle = true
        if polls || bells.toGuest[number] {
            if bells.toGuest[number] { isIdle = false }
            bells.toGuest[number] = false
            if take() { isIdle = false }
        }
        if try send() { isIdle = false }
        return !isIdle
    }

    private func take() -> Bool {
        var isIdle = true
        checker.look()
        repeat {
            if front.takeTransmitResponses(domain) > 0 { isIdle = false }
        } while front.finalCheckForTransmitResponses() && front.oracle.broken == nil
        repeat {
            while front.nextPacket(&packet, domain) {
                isIdle = false
                var bytes: [UInt8] = []
                for position in 0..<packet.fragments.count {
                    bytes += read(packet.fragments[position])
                }
                received.append(HostFrame(bytes: bytes, header: packet.header))
            }
            post()
        } while front.finalCheckForPackets() && front.oracle.broken == nil
        return !isIdle
    }

    /// Posts as many buffers as the scenario lets it have out.
    private func post() {
        guard let most = scenario.buffersMax else {
            if front.postBuffers(domain) { bells.receiveToBackend[number] = true }
            return
        }
        // The frontend shows all that it has; nobody looks before some are taken back.
        _ = front.postBuffers(domain)
        let taken = start.advanced(by: UInt32(front.statistics.receiveSlots))
        let shown = taken.advanced(by: min(most, ReceiveFormat.slotCount))
        receiveWords.storeRelease(shown.rawValue, at: RingLayout.requestProducer)
        let event = RingIndex(receiveWords.loadRelaxed(at: RingLayout.requestEvent))
        if shown.distance(from: event) < shown.distance(from: shownBuffers) {
            bells.receiveToBackend[number] = true
        }
        shownBuffers = shown
    }

    private func spoilBuffers() {
        for slot in scenario.ungranted {
            let word = ReceiveFormat.firstWord(of: start.advanced(by: UInt32(slot)))
            receiveWords.storeRelaxed(0x7FFF_FFFF, at: word + 1)
        }
    }

    private func send() throws -> Bool {
        var count = 0
        while count < scenario.burst, let packet = unsent.first, stage(packet) {
            unsent = unsent.dropFirst()
            count += 1
            if packet.isForwarded || packet.kind == .refused { sent.append(packet) }
        }
        if count > 0, front.publishTransmits() { bells.transmitToBackend[number] = true }
        return count > 0
    }

    /// Writes one packet into pages and ring; false when there is no room.
    private func stage(_ packet: TransmitCase) -> Bool {
        guard let page = front.transmitPage() else { return false }
        let frame = packet.frame
        var fragments = FrameFragments()
        if packet.kind == .pieces {
            for piece in 0..<18 {
                // Two pieces share the last page: there are 17 for 18 pieces.
                let offset = (page + min(piece, 16)) * 4096 + (piece == 17 ? 2048 : piece)
                write(Array(frame.bytes[piece * 20..<piece * 20 + 20]), at: offset)
                fragments.append(FrameFragment(offset: offset, count: 20))
            }
        } else {
            write(frame.bytes, at: page * 4096)
            fragments.append(FrameFragment(offset: page * 4096, count: frame.bytes.count))
        }
        let before = front.statistics.transmitSlots
        guard case .sent = front.transmit(fragments, header: frame.header, domain) else {
            preconditionFailure("the frontend refuses a packet of its own guest")
        }
        let slotCount = Int(front.statistics.transmitSlots - before)
        checker.note(packet, slotCount: slotCount, extraCount: packet.kind == .large ? 1 : 0)
        switch packet.kind {
        case .tooShort:
            let id = transmitWords.loadRelaxed(at: checker.lastWord + 2) & 0xFFFF
            transmitWords.storeRelaxed(id | 5 << 16, at: checker.lastWord + 2)
        case .ungranted: transmitWords.storeRelaxed(0x7FFF_FFFF, at: checker.lastWord)
        default: break
        }
        return true
    }

    private func write(_ bytes: [UInt8], at offset: Int) {
        // SAFETY: the pages are the guest's own, and neighbours; the bytes fit in them.
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe (domain.address(ofPage: offset / 4096) + offset % 4096).copyMemory(
                from: base, byteCount: bytes.count)
        }
    }

    private func read(_ piece: FrameFragment) -> [UInt8] {
        // SAFETY: a piece of a packet lies within one of the guest's pages.
        unsafe [UInt8](
            UnsafeRawBufferPointer(
                start: domain.address(ofPage: piece.offset / 4096) + piece.offset % 4096,
                count: piece.count))
    }
}
