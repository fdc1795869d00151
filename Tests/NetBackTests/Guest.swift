// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring

/// An honest guest in memory: a domain with frontends that work as Linux's.
final class Guest {
    static let devicesMax = 4

    let id: DomainID
    var domain: InProcessGuestDomain
    var store: InProcessStore
    private(set) var devices: [GuestDevice] = []

    init(_ machine: Machine, _ store: EmulatedStore, id: DomainID) throws {
        self.id = id
        domain = try InProcessGuestDomain(machine, domain: id)
        self.store = InProcessStore(store, as: id)
    }

    /// Takes a vif that the toolstack plugged in into use.
    func start(_ device: GuestDevice) throws {
        devices.append(device)
        try device.front.start(&store)
    }

    /// Forgets a vif, which has given its rings up.
    func forget(_ device: GuestDevice) throws {
        if let place = devices.firstIndex(where: { $0 === device }) { devices.remove(at: place) }
        try store.unwatch(
            device.front.backendDirectory + "/state", token: NetFront.watchToken)
    }

    /// The lowest place for a device's pages that no other device has.
    var freePlace: Int? {
        (0..<Self.devicesMax).first { place in !devices.contains { $0.place == place } }
    }

    /// One turn; true when something was done.
    func step() throws -> Bool {
        var isIdle = true
        while try store.nextWatchEvent() != nil { isIdle = false }
        while let port = try domain.nextPending() {
            isIdle = false
            for device in devices { device.note(port) }
            try domain.unmask(port)
        }
        for device in devices where try device.step(self) { isIdle = false }
        return !isIdle
    }

    /// Writes bytes into the guest's memory, from a page's start on.
    func write(_ bytes: [UInt8], page: Int, offset: Int = 0) {
        // SAFETY: the address is the guest's own, and the caller's bytes fit in its pages.
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe (domain.address(ofPage: page) + offset).copyMemory(
                from: base, byteCount: bytes.count)
        }
    }

    /// Reads bytes of the guest's memory, counted from its page 0.
    func read(at offset: Int, count: Int) -> [UInt8] {
        let (page, start) = offset.quotientAndRemainder(dividingBy: 4096)
        // SAFETY: a piece of a packet lies within one of the guest's pages.
        return unsafe [UInt8](
            UnsafeRawBufferPointer(start: domain.address(ofPage: page) + start, count: count))
    }
}

/// One vif of a guest: its frontend and, while connected, its queues.
final class GuestDevice {
    let vif: VifID
    let place: Int
    var front: NetFront
    /// How many queues it asks for where as many are offered.
    var queuesWanted = 1
    /// Where its rings' indices start.
    var start = RingIndex(.max - 70)
    var receiveIDs = ReceiveIDs.slot
    private(set) var queues: [GuestQueue] = []
    /// Packets that came, in order.
    var received: [HostFrame] = []
    /// What the oracle of closed queues said, and grants that were still mapped at a close.
    private(set) var complaints: [String] = []
    /// What it was told of its life.
    private(set) var events: [NetFrontEvent] = []
    private(set) var transmitAnswered: UInt64 = 0
    private(set) var transmitErrors: UInt64 = 0
    /// Requests whose answers were not taken when queues closed.
    private(set) var unanswered = 0
    /// Events that came although the ring had nothing new.
    private(set) var idleEvents = 0

    init(_ vif: VifID, place: Int, options: FrontendOptions = FrontendOptions()) {
        self.vif = vif
        self.place = place
        front = NetFront(
            directory: "/local/domain/\(vif.domain)/device/vif/\(vif.device)", options: options)
    }

    var isConnected: Bool { front.phase == .connected }

    /// Everything that its frontend has against the backend.
    var judgement: [String] { complaints + queues.flatMap(\.judgement) }

    func note(_ port: EventChannelPort) {
        for queue in queues where queue.note(port) { idleEvents += 1 }
    }

    func step(_ guest: Guest) throws -> Bool {
        var isIdle = true
        // Once the backend's node is gone, its parent is not the guest's to read.
        let state = (try? guest.store.read(front.backendDirectory + "/state")) ?? nil
        let event = state == nil ? .none : try front.step(&guest.store)
        if event != .none {
            isIdle = false
            events.append(event)
        }
        switch event {
        case .none, .refused: break
        case .connected: for queue in queues { queue.hasEvent = true }
        case .prepare(let offer): try open(offer, guest)
        case .lost:
            // Where the toolstack wrote Closing, the backend has not closed its end yet.
            try closeQueues(guest, mayBeHeld: true)
        case .closed: try closeQueues(guest)
        }
        for queue in queues where try queue.serve(guest, into: &received) { isIdle = false }
        return !isIdle
    }

    /// Asks for an orderly close.
    func close(_ guest: Guest) throws { try front.close(&guest.store) }

    private func open(_ offer: BackendOffer, _ guest: Guest) throws {
        let count = min(queuesWanted, offer.queuesMax)
        for index in 0..<count {
            let number = place * 2 + index
            var configuration = NetFrontQueueConfiguration(
                backend: offer.domain, firstPage: number * NetFrontQueue.pageCount,
                firstGrant: GrantReference(UInt32(8 + number * NetFrontQueue.grantCount)),
                features: front.options.features, offer: offer.features)
            configuration.start = start
            configuration.receiveIDs = receiveIDs
            let isSplit = offer.splitsEventChannels && front.options.splitsEventChannels
            queues.append(try GuestQueue(configuration, isSplit: isSplit, guest))
        }
        try front.connect(queues.map(\.keys), &guest.store)
    }

    func closeQueues(_ guest: Guest, mayBeHeld: Bool = false) throws {
        for queue in queues {
            complaints += queue.judgement
            let counters = queue.counters
            transmitAnswered += counters.answered
            transmitErrors += counters.errors
            unanswered += queue.outstanding
            let held = try queue.close(guest)
            if held > 0, !mayBeHeld { complaints.append("\(held) grants are still mapped") }
        }
        queues = []
    }

    /// Packets that were answered with success and with an error, slots counted.
    var answers: (okay: UInt64, errors: UInt64) {
        queues.reduce((transmitAnswered, transmitErrors)) {
            ($0.0 + $1.counters.answered, $0.1 + $1.counters.errors)
        }
    }

    /// Sends one frame in one run of pages, or in pieces of the given sizes; false without room.
    func send(
        _ frame: HostFrame, pieces: [Int] = [], queue: Int = 0, notifies: Bool = true,
        _ guest: Guest
    ) throws -> Bool {
        try queues[queue].send(frame, pieces: pieces, notifies: notifies, guest)
    }
}
