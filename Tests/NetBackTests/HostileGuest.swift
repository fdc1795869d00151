// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import SharedMemory
import TestSupport

/// A guest that connects properly and then writes into its rings, its pages and its grant table
/// what it likes.
final class HostileGuest {
    static let transmitPage = 0
    static let receivePage = 1
    /// Pages 2 to 33 are granted: 16 for reading and writing, 16 for reading only.
    static let firstDataPage = 2
    static let firstGrant: UInt32 = 100

    let guest: Guest
    let vif: VifID
    private(set) var transmit: FrontRing<MappedWords, TransmitFormat>
    private(set) var receive: FrontRing<MappedWords, ReceiveFormat>
    private let ports: (transmit: EventChannelPort, receive: EventChannelPort)
    private var front: NetFront

    init(_ world: World, start: UInt32 = .max - 20) throws {
        guest = try world.addGuest(pageCount: 40)
        vif = VifID(domain: guest.id, device: 0)
        try world.attach(vif)
        front = NetFront(directory: "/local/domain/\(guest.id)/device/vif/0")
        try front.start(&guest.store)
        transmit = FrontRing(
            initializing: guest.domain.words(ofPage: Self.transmitPage),
            startingAt: RingIndex(start))
        receive = FrontRing(
            initializing: guest.domain.words(ofPage: Self.receivePage),
            startingAt: RingIndex(start))
        for page in 0..<34 {
            guest.domain.grant(
                GrantReference(Self.firstGrant + UInt32(page)), page: page, to: DriverDomain.id,
                readOnly: page >= 18)
        }
        ports = (
            try guest.domain.allocateUnbound(for: DriverDomain.id),
            try guest.domain.allocateUnbound(for: DriverDomain.id)
        )
        try connect(world)
    }

    /// Connects, from whatever it was before.
    private func connect(_ world: World) throws {
        try world.settle()
        _ = try front.step(&guest.store)
        try front.connect(
            [
                FrontendQueueKeys(
                    transmitRing: GrantReference(Self.firstGrant),
                    receiveRing: GrantReference(Self.firstGrant + 1),
                    transmitPort: ports.transmit, receivePort: ports.receive)
            ], &guest.store)
        try world.settle()
        _ = try front.step(&guest.store)
    }

    /// Closes in order and comes back with fresh rings.
    func reconnect(_ world: World, start: UInt32 = .max - 20) throws {
        try front.close(&guest.store)
        for _ in 0..<4 {
            try world.settle()
            _ = try front.step(&guest.store)
        }
        transmit = FrontRing(
            initializing: guest.domain.words(ofPage: Self.transmitPage),
            startingAt: RingIndex(start))
        receive = FrontRing(
            initializing: guest.domain.words(ofPage: Self.receivePage),
            startingAt: RingIndex(start))
        try front.reopen(&guest.store)
        try connect(world)
    }

    var isConnected: Bool { front.phase == .connected }

    /// Publishes Tx slots as they are and rings.
    func send(_ slots: [SlotWords]) throws {
        for slot in slots { transmit.stageRequest(slot) }
        _ = transmit.publishRequests()
        try ring()
    }

    /// Posts Rx buffers, all with writable pages, and rings.
    func post(_ count: Int) throws {
        for number in 0..<count {
            receive.stageRequest(
                ReceiveRequest(
                    id: UInt16(number), grantReference: Self.firstGrant + 2 + UInt32(number % 16)
                ).slot)
        }
        _ = receive.publishRequests()
        try ring()
    }

    /// Makes the backend look.
    func ring() throws {
        try guest.domain.notify(ports.transmit)
        try guest.domain.notify(ports.receive)
    }

    /// The answers there are, taken.
    func takeAnswers() throws -> [TransmitResponse] {
        let count = try transmit.unconsumedResponseCount()
        let answers = (0..<count).map { TransmitResponse(transmit.copyResponse(offset: $0)) }
        transmit.consumeResponses(count)
        return answers
    }

    /// The answers to Rx buffers there are, taken.
    func takeReceived() throws -> [ReceiveResponse] {
        let count = try receive.unconsumedResponseCount()
        let answers = (0..<count).map { ReceiveResponse(receive.copyResponse(offset: $0)) }
        receive.consumeResponses(count)
        return answers
    }

    /// A Tx request for a page that is granted.
    static func request(
        size: Int, offset: Int = 0, flags: TransmitFlags = [], id: UInt16 = 0,
        reference: UInt32 = firstGrant + 2
    ) -> SlotWords {
        TransmitRequest(
            grantReference: reference, offset: UInt16(offset), flags: flags, id: id,
            size: UInt16(size)
        ).slot
    }

    /// Moves `req_prod` of a ring anywhere.
    func setProducer(page: Int, to value: UInt32) throws {
        guest.domain.words(ofPage: page).storeRelease(value, at: RingLayout.requestProducer)
        try ring()
    }

    // MARK: at random

    /// Writes something somewhere: now and then garbage, mostly what is nearly right.
    func misbehave(_ random: inout SplitMix64) throws {
        let page = Bool.random(using: &random) ? Self.transmitPage : Self.receivePage
        let words = guest.domain.words(ofPage: page)
        switch Int.random(in: 0..<32, using: &random) {
        case 0:
            words.storeRelease(
                .random(in: 0 ... .max, using: &random),
                at: Int.random(in: 0..<4, using: &random))
        case 1:
            for word in 0..<1024 where Int.random(in: 0..<4, using: &random) == 0 {
                words.storeRelaxed(.random(in: 0 ... .max, using: &random), at: word)
            }
        case 2:
            let header = words.loadAcquire(at: RingLayout.requestProducer)
            words.storeRelease(
                header &- UInt32.random(in: 0...4, using: &random),
                at: RingLayout.requestProducer)
        case 3:
            let entry = Int(Self.firstGrant) * 2 + Int.random(in: 4..<68, using: &random)
            guest.domain.grantTable.storeRelaxed(
                .random(in: 0 ... .max, using: &random), at: entry)
        case 4..<8:
            let producer = words.loadAcquire(at: RingLayout.requestProducer)
            words.storeRelease(
                producer &+ UInt32.random(in: 1...40, using: &random),
                at: RingLayout.requestProducer)
        case 8..<12:
            if receive.freeRequestCount > 40 {
                try post(Int.random(in: 1...40, using: &random))
            }
        default: try sendNearlyRight(&random)
        }
        _ = try? takeAnswers()
        _ = try? takeReceived()
        try ring()
    }

    private func sendNearlyRight(_ random: inout SplitMix64) throws {
        guard transmit.freeRequestCount > 30 else { return }
        for _ in 0..<Int.random(in: 1...24, using: &random) {
            if Int.random(in: 0..<6, using: &random) == 0 {
                transmit.stageRequest(
                    ExtraInfo(
                        type: .random(in: 0...6, using: &random),
                        hasMore: Bool.random(using: &random),
                        payload0: .random(in: 0...3, using: &random),
                        payload1: .random(in: 0...3, using: &random)
                    ).slot)
                continue
            }
            transmit.stageRequest(
                Self.request(
                    size: Int.random(in: 0...5000, using: &random),
                    offset: Int.random(in: 0...200, using: &random),
                    flags: TransmitFlags(rawValue: .random(in: 0...15, using: &random)),
                    id: .random(in: 0 ... .max, using: &random),
                    reference: Self.firstGrant + .random(in: 0...40, using: &random)))
        }
        _ = transmit.publishRequests()
    }
}
