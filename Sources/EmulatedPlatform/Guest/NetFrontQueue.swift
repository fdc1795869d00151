// SPDX-License-Identifier: Apache-2.0
// Tx is from the guest, Rx to it. A queue serves one thread and allocates nothing per packet.
internal import Netif
public import Platform
internal import Ring
internal import SharedMemory

/// One Tx and one Rx ring of an honest frontend that works as Linux's does and judges its backend.
///
/// Once its oracle calls the backend broken it does nothing more, as Linux's netfront.
public struct NetFrontQueue: ~Copyable {
    /// Pages for frames from the guest.
    static var transmitPageCount: Int { 512 }
    /// Guest pages of a queue: two rings, a buffer for each Rx slot, room for frames to send.
    public static var pageCount: Int {
        2 + Int(ReceiveFormat.slotCount) + transmitPageCount
    }
    /// Grant references of a queue: two rings, a buffer for each Rx slot, a page for each Tx id.
    public static var grantCount: Int {
        2 + Int(ReceiveFormat.slotCount) + TransmitSlots.count
    }
    /// Neighbouring pages that a frame is read into: the largest frame at any offset fits.
    public static var pagesPerFrame: Int { 17 }

    /// What the queue was made with.
    public let configuration: NetFrontQueueConfiguration
    /// What the backend did wrong.
    public internal(set) var oracle = FrontendOracle()
    /// What went through.
    public internal(set) var statistics = FrontendStatistics()

    var transmitRing: FrontRing<MappedWords, TransmitFormat>
    var receiveRing: FrontRing<MappedWords, ReceiveFormat>
    var slots = TransmitSlots()
    var pages: TransmitPages
    /// `rsp_prod` as last seen.
    var transmitSeen: RingIndex
    var receiveSeen: RingIndex
    /// Extra infos without an answer; how many of them are known to be late; and how many were
    /// answered before their packets, which are then owed none.
    var extrasOutstanding = 0
    var extrasLate = 0
    var extrasEarly = 0
    /// Where the headers of a packet are gathered to be read.
    let window = PageArena(pageCount: 1)

    /// Makes both rings, grants them, and posts a buffer in every Rx slot.
    public init(
        _ configuration: NetFrontQueueConfiguration, memory: borrowing some GuestMemory & ~Copyable
    ) {
        precondition(
            configuration.firstPage + NetFrontQueue.pageCount <= memory.pageCount,
            "a queue needs more pages than the guest has")
        self.configuration = configuration
        let start = configuration.start
        transmitRing = FrontRing(
            initializing: memory.words(ofPage: configuration.firstPage), startingAt: start)
        receiveRing = FrontRing(
            initializing: memory.words(ofPage: configuration.firstPage + 1), startingAt: start)
        (transmitSeen, receiveSeen) = (start, start)
        pages = TransmitPages(
            first: configuration.firstPage + 2 + Int(ReceiveFormat.slotCount),
            count: NetFrontQueue.transmitPageCount)
        let backend = configuration.backend
        memory.grant(
            transmitRingReference, page: configuration.firstPage, to: backend, readOnly: false)
        memory.grant(
            receiveRingReference, page: configuration.firstPage + 1, to: backend, readOnly: false)
        _ = postBuffers(memory)
    }

    /// The grant of the Tx ring's page, for `tx-ring-ref`.
    public var transmitRingReference: GrantReference { reference(0) }
    /// The grant of the Rx ring's page, for `rx-ring-ref`.
    public var receiveRingReference: GrantReference { reference(1) }
    /// Tx requests that have no answer yet.
    public var outstandingTransmits: Int { slots.outstandingCount }

    /// Takes every grant back; returns how many the backend still has mapped.
    public consuming func close(_ memory: borrowing some GuestMemory & ~Copyable) -> Int {
        var stillInUse = 0
        for number in 0..<NetFrontQueue.grantCount {
            let isOut =
                switch number {
                case 0, 1: true
                case 2..<258: isPosted(slot: number - 2)
                default: isOutstanding(id: UInt16(number - 258))
                }
            if isOut, !memory.endAccess(reference(number)) { stillInUse += 1 }
        }
        return stillInUse
    }

    func reference(_ number: Int) -> GrantReference {
        GrantReference(configuration.firstGrant.rawValue + UInt32(number))
    }

    func receiveReference(slot: Int) -> GrantReference { reference(2 + slot) }

    func transmitReference(id: UInt16) -> GrantReference { reference(258 + Int(id)) }

    private func isPosted(slot: Int) -> Bool {
        let consumer = receiveRing.responseConsumer
        let position = RingIndex(UInt32(slot)).distance(from: consumer) % ReceiveFormat.slotCount
        return position < receiveRing.privateRequestProducer.distance(from: consumer)
    }

    private func isOutstanding(id: UInt16) -> Bool {
        switch slots.state(of: id) {
        case .staged, .pending: true
        case .neverSent, .answered: false
        }
    }
}
