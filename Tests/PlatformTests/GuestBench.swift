// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import SharedMemory

/// A frontend's queue and a backend driven by hand over the same pages.
final class GuestBench {
    static let allFeatures: FrontendFeatures = [
        .scatterGather, .segmentationTCPv4, .segmentationTCPv6, .checksumIPv4, .checksumIPv6,
        .receiveCopy, .receiveNotify,
    ]
    static let firstGrant: UInt32 = 40

    let guest = FakeGuest()
    let start: RingIndex
    let ids: ReceiveIDs
    var queue: NetFrontQueue
    var tx: BackRing<MappedWords, TransmitFormat>
    var rx: BackRing<MappedWords, ReceiveFormat>
    var packet = GuestPacket()

    init(
        features: FrontendFeatures = allFeatures, offer: FrontendFeatures = allFeatures,
        start: UInt32 = UInt32.max - 100, ids: ReceiveIDs = .slot
    ) throws {
        self.start = RingIndex(start)
        self.ids = ids
        var configuration = NetFrontQueueConfiguration(
            backend: DomainID(0), firstPage: 5, firstGrant: GrantReference(GuestBench.firstGrant),
            features: features, offer: offer)
        configuration.start = self.start
        configuration.receiveIDs = ids
        queue = NetFrontQueue(configuration, memory: guest)
        tx = try BackRing(attachingTo: guest.words(ofPage: 5))
        rx = try BackRing(attachingTo: guest.words(ofPage: 6))
    }

    /// Puts a frame into the guest's pages and sends it.
    func send(
        _ frame: [UInt8], offset: Int = 0, header: VnetHeader = VnetHeader(),
        publishes: Bool = true
    ) -> TransmitOutcome? {
        guard let page = queue.transmitPage() else { return nil }
        guest.setBytes(frame, at: page * 4096 + offset)
        let outcome = queue.transmit(
            page: page, offset: offset, count: frame.count, header: header, guest)
        if publishes { _ = queue.publishTransmits() }
        return outcome
    }

    /// See `NetFrontQueue`.
    var hasTransmitRoom: Bool { queue.hasTransmitRoom }

    /// See `NetFrontQueue`.
    func transmitPage() -> Int? { queue.transmitPage() }

    /// See `NetFrontQueue`.
    func transmit(_ fragments: FrameFragments) -> TransmitOutcome {
        queue.transmit(fragments, header: VnetHeader(), guest)
    }

    /// Whether the frontend finds a packet, which is then in `packet`.
    func nextPacket() -> Bool { queue.nextPacket(&packet, guest) }

    /// Takes all published Tx slots.
    func takeRequests() throws -> [SlotWords] {
        let count = try tx.unconsumedRequestCount()
        let slots = (0..<count).map { tx.copyRequest(offset: $0) }
        tx.consumeRequests(count)
        return slots
    }

    /// Sends an ordinary packet, takes its only request and returns its id.
    func sendOne() throws -> UInt16 {
        _ = send([UInt8](repeating: 7, count: 60))
        let slots = try takeRequests()
        return TransmitRequest(slots[0]).id
    }

    /// Answers Tx slots in one step and lets the frontend look.
    func answer(_ responses: [TransmitResponse]) {
        for response in responses { tx.stageResponse(response.slot) }
        _ = tx.publishResponses()
        queue.takeTransmitResponses(guest)
    }

    /// Answers Rx slots in one step, without the frontend looking.
    func publish(_ responses: [SlotWords]) {
        for response in responses {
            rx.consumeRequests(1)
            rx.stageResponse(response)
        }
        _ = rx.publishResponses()
    }

    /// Answers Rx slots in one step; whether the frontend found a packet in them.
    func deliver(_ responses: [SlotWords]) -> Bool {
        publish(responses)
        let found = queue.nextPacket(&packet, guest)
        _ = queue.postBuffers(guest)
        return found
    }

    /// The id of the Rx request `offset` slots after the next one to answer.
    func receiveID(_ offset: Int = 0) -> UInt16 {
        ReceiveRequest(rx.copyRequest(offset: UInt32(offset))).id
    }

    /// Writes a frame into the page of an Rx request.
    func fill(_ frame: [UInt8], request offset: Int = 0) {
        let reference = ReceiveRequest(rx.copyRequest(offset: UInt32(offset))).grantReference
        if let base = guest.offset(of: reference, toWrite: true) {
            guest.setBytes(frame, at: base)
        }
    }

    /// A data slot for the Rx request `offset` slots on.
    func data(_ offset: Int = 0, count: Int = 100, flags: ReceiveFlags = []) -> SlotWords {
        ReceiveResponse(
            id: receiveID(offset), offset: 0, flags: flags, status: Int16(count)
        ).slot
    }

    /// The bytes of the packet found last.
    var packetBytes: [UInt8] {
        (0..<packet.fragments.count).flatMap { position in
            let fragment = packet.fragments[position]
            return guest.bytes(at: fragment.offset, count: fragment.count)
        }
    }
}

/// Frames with headers that a checksum can be placed in.
enum GuestFrame {
    /// TCP over IPv4, with a payload that `seed` decides.
    static func tcpv4(payload: Int, seed: UInt8 = 0) -> [UInt8] {
        var frame = [UInt8](repeating: 2, count: 12) + [0x08, 0x00]
        let total = 40 + payload
        frame += [0x45, 0, UInt8(total >> 8 & 255), UInt8(total & 255), 0, 0, 0x40, 0, 64, 6, 0, 0]
        frame += [10, 0, 0, 1, 10, 0, 0, 2]
        return frame + tcp + body(payload, seed)
    }

    /// TCP over IPv6.
    static func tcpv6(payload: Int, seed: UInt8 = 0) -> [UInt8] {
        var frame = [UInt8](repeating: 2, count: 12) + [0x86, 0xDD]
        let length = 20 + payload
        frame += [0x60, 0, 0, 0, UInt8(length >> 8 & 255), UInt8(length & 255), 6, 64]
        frame += [UInt8](repeating: 0xFD, count: 32)
        return frame + tcp + body(payload, seed)
    }

    /// A frame without anything that has a checksum.
    static func arp() -> [UInt8] {
        [UInt8](repeating: 0xFF, count: 12) + [0x08, 0x06] + [UInt8](repeating: 1, count: 46)
    }

    private static var tcp: [UInt8] {
        [0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 1, 0, 0, 0, 0, 0]
    }

    private static func body(_ count: Int, _ seed: UInt8) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + Int(seed)) }
    }
}
