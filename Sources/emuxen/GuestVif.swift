// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import HostNetwork
import Netif
import Platform
import StoreClient

/// One vif of an emulated guest: a frontend on one side, a TAP in the guest's network namespace on
/// the other, whose frames go straight from and to the guest's own pages.
struct GuestVif: ~Copyable {
    /// Frames in one step and direction.
    private static var framesPerStep: Int { 64 }

    let device: UInt32
    private(set) var front: NetFront
    private(set) var queue: NetFrontQueue?
    private var tap: TapDevice
    /// The guest's pages, as the TAP reads and writes them.
    private let arena: PageArena
    private let firstPage: Int
    private let firstGrant: UInt32
    private var ports: (transmit: EventChannelPort, receive: EventChannelPort)?
    /// The TAP may have a frame.
    var isTapReadable = true
    /// A frame waits for room in the Tx ring.
    private var isTransmitBlocked = false
    /// The backend sent an event since the last step.
    var hasEvent = true
    /// What closed queues did; the open one has its own.
    private(set) var past = GuestCounters()

    /// Takes the TAP and a range of the guest's pages and grants over.
    init(
        device: UInt32, front: NetFront, tap: consuming TapDevice,
        arena: consuming PageArena, firstPage: Int, firstGrant: UInt32
    ) {
        self.device = device
        self.front = front
        self.tap = tap
        self.arena = arena
        self.firstPage = firstPage
        self.firstGrant = firstGrant
    }

    /// The descriptor of the TAP.
    var descriptor: Int32 { tap.descriptor }

    /// What this vif did since it was plugged in.
    var counters: GuestCounters {
        var counters = past
        switch queue {
        case .some(let open): counters.add(open)
        case .none: break
        }
        return counters
    }

    // MARK: life

    mutating func start(_ store: inout LibXenStore) throws(PlatformError) {
        try front.start(&store)
    }

    mutating func close(_ store: inout LibXenStore) throws(PlatformError) {
        try front.close(&store)
    }

    /// Looks at the backend's state; true when something changed.
    mutating func step(
        _ store: inout LibXenStore, _ domain: inout GuestDomain
    ) throws(PlatformError) -> Bool {
        switch try front.step(&store) {
        case .none, .refused: return false
        case .connected: hasEvent = true
        case .prepare(let offer): try open(for: offer, &store, &domain)
        // A toolstack that unplugs writes Closing for the backend, which may not have let go yet:
        // what is mapped then is no leak.
        case .lost: try closeQueue(&domain, judges: false)
        case .closed: try closeQueue(&domain)
        }
        return true
    }

    private mutating func open(
        for offer: BackendOffer, _ store: inout LibXenStore, _ domain: inout GuestDomain
    ) throws(PlatformError) {
        try setOffload(offer.features)
        let transmit = try domain.allocateUnbound(for: offer.domain)
        let isSplit = offer.splitsEventChannels && front.options.splitsEventChannels
        let receive = isSplit ? try domain.allocateUnbound(for: offer.domain) : transmit
        ports = (transmit, receive)
        let queue = NetFrontQueue(
            NetFrontQueueConfiguration(
                backend: offer.domain, firstPage: firstPage,
                firstGrant: GrantReference(firstGrant), features: front.options.features,
                offer: offer.features),
            memory: domain)
        let keys = FrontendQueueKeys(
            transmitRing: queue.transmitRingReference, receiveRing: queue.receiveRingReference,
            transmitPort: transmit, receivePort: receive)
        self.queue = consume queue
        isTransmitBlocked = false
        isTapReadable = true
        try front.connect([keys], &store)
    }

    /// The guest's own stack finishes what the backend does not.
    private func setOffload(_ offered: FrontendFeatures) throws(PlatformError) {
        var offload = TapOffload()
        if offered.isSuperset(of: [.checksumIPv4, .checksumIPv6]) {
            offload.insert(.checksum)
            if offered.isSuperset(of: [.scatterGather, .segmentationTCPv4]) {
                offload.insert(.segmentationIPv4)
            }
            if offered.isSuperset(of: [.scatterGather, .segmentationTCPv6]) {
                offload.insert(.segmentationIPv6)
            }
        }
        do throws(HostNetworkError) {
            try tap.setOffload(offload)
        } catch {
            throw PlatformError("TUNSETOFFLOAD", errno: error.errno)
        }
    }

    /// Gives the rings up, with everything granted for them.
    mutating func closeQueue(
        _ domain: inout GuestDomain, judges: Bool = true
    ) throws(PlatformError) {
        // What the backend published before it let go still counts, in both directions.
        try drain(domain)
        guard let queue = queue.take() else { return }
        past.add(queue)
        let stillMapped = queue.close(domain)
        if judges { past.grantsStillMapped += stillMapped }
        if let ports {
            try domain.close(ports.transmit)
            if ports.receive != ports.transmit { try domain.close(ports.receive) }
        }
        ports = nil
    }

    /// True when the port is one of this vif's.
    func owns(_ port: EventChannelPort) -> Bool {
        ports?.transmit == port || ports?.receive == port
    }

    private mutating func drain(_ domain: borrowing GuestDomain) throws(PlatformError) {
        _ = queue?.takeTransmitResponses(domain)
        var packet = GuestPacket()
        while queue?.nextPacket(&packet, domain) ?? false { try deliver(packet) }
    }

    // MARK: packets

    /// True when there is something to do now.
    var isReady: Bool {
        queue != nil && front.phase == .connected
            && (hasEvent || (isTapReadable && !isTransmitBlocked))
    }

    /// One bounded step in each direction.
    mutating func serve(_ domain: inout GuestDomain) throws(PlatformError) {
        guard queue != nil, let ports else { return }
        let hadEvent = hasEvent
        hasEvent = false
        if hadEvent { isTransmitBlocked = false }
        if isTapReadable && !isTransmitBlocked { try send(&domain, ports.transmit) }
        if hadEvent { try receive(&domain, ports.receive) }
    }

    private mutating func send(
        _ domain: inout GuestDomain, _ port: EventChannelPort
    ) throws(PlatformError) {
        _ = queue?.takeTransmitResponses(domain)
        for _ in 0..<Self.framesPerStep {
            guard queue?.hasTransmitRoom ?? false, let page = queue?.transmitPage() else {
                // Room comes with responses: ask to be told, unless some came meanwhile.
                isTransmitBlocked = !(queue?.finalCheckForTransmitResponses() ?? true)
                if !isTransmitBlocked { _ = queue?.takeTransmitResponses(domain) }
                break
            }
            var header = VnetHeader()
            // The run of pages has room for the largest frame and more: its end is the header's.
            let offset = page * PageArena.pageSize
            let capacity = NetFrontQueue.pagesPerFrame * PageArena.pageSize - VnetHeader.size
            let count = try tap.receive(
                into: arena, at: offset, capacity: capacity, headerAt: offset + capacity,
                header: &header)
            guard let count else {
                isTapReadable = false
                break
            }
            _ = queue?.transmit(page: page, count: count, header: header, domain)
        }
        if queue?.publishTransmits() ?? false { try domain.notify(port) }
    }

    private mutating func receive(
        _ domain: inout GuestDomain, _ port: EventChannelPort
    ) throws(PlatformError) {
        var packet = GuestPacket()
        var count = 0
        while count < Self.framesPerStep, queue?.nextPacket(&packet, domain) ?? false {
            count += 1
            try deliver(packet)
        }
        if queue?.postBuffers(domain) ?? false { try domain.notify(port) }
        // Before sleeping: ask for an event at the next packet, and look again.
        if count == Self.framesPerStep || queue?.finalCheckForPackets() ?? false { hasEvent = true }
    }
}

extension GuestVif {
    /// Hands a packet to the guest's own network stack.
    private mutating func deliver(_ packet: GuestPacket) throws(PlatformError) {
        let outcome = try tap.transmit(packet.fragments, header: packet.header, from: arena)
        if case .refused = outcome { past.receiveRefused += 1 }
    }
}

/// What an emulated guest's vif did, over all its connections.
struct GuestCounters {
    var transmitPackets: UInt64 = 0
    var transmitAnswered: UInt64 = 0
    var transmitRefused: UInt64 = 0
    var receivePackets: UInt64 = 0
    var receiveDropped: UInt64 = 0
    var receiveRefused: UInt64 = 0
    var incompatible: UInt64 = 0
    var grantsStillMapped = 0
    var brokenRule: String?

    mutating func add(_ queue: borrowing NetFrontQueue) {
        let statistics = queue.statistics
        transmitPackets += statistics.transmitPackets
        transmitAnswered +=
            statistics.transmitAnsweredOkay + statistics.transmitAnsweredError
            + statistics.transmitAnsweredDropped
        transmitRefused += statistics.transmitRefused
        receivePackets += statistics.receivePackets
        receiveDropped += statistics.receiveDropped
        incompatible += queue.oracle.count(of: .incompatible)
        if brokenRule == nil, let broken = queue.oracle.broken { brokenRule = "\(broken)" }
    }
}
