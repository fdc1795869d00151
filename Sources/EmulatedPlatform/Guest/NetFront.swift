// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Netif
public import Platform

/// The xenbus life of one frontend, without rings: it reads and writes the store and says what to
/// do. Its owner calls `step` after every watch event, and again at any time without harm.
public struct NetFront: Sendable {
    /// How far the frontend has come.
    public enum Phase: Sendable {
        /// Initialising: waits for the backend to wait.
        case waiting
        /// `prepare` was returned and `connect` not called yet.
        case preparing
        /// Connected as far as the frontend goes; the backend is not yet.
        case connecting
        /// Both are connected.
        case connected
        /// Closing, waits for the backend to follow.
        case closing
        /// Closed, waits for the backend to follow.
        case closingLast
        /// Closed for good, or until `reopen`.
        case closed
    }

    /// The frontend's directory in the store, `/local/domain/DOMAIN/device/vif/DEVICE`.
    public let directory: String
    /// How it behaves.
    public let options: FrontendOptions
    /// Where it stands.
    public private(set) var phase = Phase.closed
    /// The backend's directory, once started.
    public private(set) var backendDirectory = ""
    /// The backend's domain, once started.
    public private(set) var backendDomain = DomainID.control
    /// The guest's address, when the store has one.
    public private(set) var mac: MACAddress?
    /// Bytes of payload of a frame.
    public private(set) var mtu = 1500
    private var returnsWhenClosed = false

    /// The token of the watch on the backend's state.
    public static var watchToken: String { "netfront" }

    /// Names a frontend; `start` begins its life.
    public init(directory: String, options: FrontendOptions = FrontendOptions()) {
        self.directory = directory
        self.options = options
    }

    /// Reads who the backend is, watches its state, and begins.
    ///
    /// - Throws: `PlatformError` with ENOENT when the toolstack wrote no backend.
    public mutating func start(_ store: inout some XenStore & ~Copyable) throws(PlatformError) {
        guard let path = try store.read(directory + "/" + NetifKey.backend),
            let text = try store.read(directory + "/" + NetifKey.backendID),
            let domain = UInt16(text)
        else { throw PlatformError("backend", errno: ENOENT) }
        backendDirectory = path
        backendDomain = DomainID(domain)
        mac = try store.read(directory + "/" + NetifKey.mac).flatMap { MACAddress($0) }
        if let text = try store.read(directory + "/" + NetifKey.mtu), let mtu = Int(text) {
            self.mtu = mtu
        }
        try store.watch(path + "/" + NetifKey.state, token: NetFront.watchToken)
        if options.closesBeforeConnecting {
            returnsWhenClosed = true
            phase = .closing
            try write(.closing, &store)
        } else {
            phase = .waiting
            try write(.initialising, &store)
        }
    }

    /// Looks at the backend's state and goes on.
    public mutating func step(
        _ store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> NetFrontEvent {
        let backend = XenbusState(text: try readBackendState(&store))
        switch (phase, backend) {
        case (.waiting, .initWait): return try offerFound(&store)
        case (.connecting, .connected):
            phase = .connected
            return .connected
        case (.preparing, .closing), (.connecting, .closing), (.connected, .closing),
            (.preparing, .closed), (.connecting, .closed), (.connected, .closed):
            phase = .closed
            try write(.closed, &store)
            return .lost
        case (.closing, .closing), (.closing, .closed), (.closing, .unknown):
            phase = .closingLast
            try write(.closed, &store)
            return try step(&store)
        case (.closingLast, .closed), (.closingLast, .unknown): return try closeEnded(&store)
        default: return .none
        }
    }

    /// A backend node that is gone reads as missing, or is refused: its parent is not ours to read.
    private func readBackendState(
        _ store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> String? {
        do throws(PlatformError) {
            return try store.read(backendDirectory + "/" + NetifKey.state)
        } catch {
            guard error.errno == EACCES else { throw error }
            return nil
        }
    }

    /// Tells the backend of the queues and connects, as `prepare` asked. More than one queue only
    /// if the offer has as many.
    public mutating func connect(
        _ queues: [FrontendQueueKeys], _ store: inout some XenStore & ~Copyable
    ) throws(PlatformError) {
        precondition(phase == .preparing && !queues.isEmpty, "connect without prepare")
        // A transaction that loses a race is written again; losing this often is no race.
        var attempts = 0
        while try !writeKeys(queues, &store) {
            attempts += 1
            if attempts == 100 { throw PlatformError("XS_TRANSACTION_END", errno: EAGAIN) }
        }
        phase = .connecting
        try write(.connected, &store)
    }

    /// Begins an orderly close from the frontend's side; `step` returns `closed` at its end.
    public mutating func close(_ store: inout some XenStore & ~Copyable) throws(PlatformError) {
        switch phase {
        case .closing, .closingLast, .closed: return
        case .waiting, .preparing, .connecting, .connected: break
        }
        returnsWhenClosed = false
        phase = .closing
        try write(.closing, &store)
    }

    /// Begins anew after a close.
    public mutating func reopen(_ store: inout some XenStore & ~Copyable) throws(PlatformError) {
        precondition(phase == .closed, "only a closed frontend is reopened")
        phase = .waiting
        try write(.initialising, &store)
    }

    private mutating func offerFound(
        _ store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> NetFrontEvent {
        let offer = try readOffer(&store)
        guard offer.features.contains(.receiveCopy) else { return .refused }
        phase = .preparing
        return .prepare(offer)
    }

    private mutating func closeEnded(
        _ store: inout some XenStore & ~Copyable
    ) throws(PlatformError) -> NetFrontEvent {
        phase = .closed
        guard returnsWhenClosed else { return .closed }
        returnsWhenClosed = false
        try reopen(&store)
        return .none
    }

    private func write(
        _ state: XenbusState, _ store: inout some XenStore & ~Copyable
    ) throws(PlatformError) {
        try store.write(directory + "/" + NetifKey.state, "\(state.rawValue)")
    }
}
