// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Testing

/// A frontend in domain 7 with its backend in domain 0, and the store between them.
private final class XenbusBench {
    static let frontend = "/local/domain/7/device/vif/0"
    static let backend = "/local/domain/0/backend/vif/7/0"

    let emulated = EmulatedStore()
    var backendStore: InProcessStore
    var store: InProcessStore
    var front: NetFront

    init(_ options: FrontendOptions = FrontendOptions()) throws {
        backendStore = InProcessStore(emulated, as: .control)
        store = InProcessStore(emulated, as: DomainID(7))
        front = NetFront(directory: XenbusBench.frontend, options: options)
        try own(XenbusBench.frontend, DomainID(7), reader: .control)
        try own(XenbusBench.backend, .control, reader: DomainID(7))
        let frontend = [
            "backend": XenbusBench.backend, "backend-id": "0", "state": "1", "handle": "0",
            "mac": "00:16:3e:01:02:03", "mtu": "1400",
        ]
        for (key, value) in frontend {
            try backendStore.write(XenbusBench.frontend + "/" + key, value)
        }
        try backendStore.write(XenbusBench.backend + "/online", "1")
        try setBackend(.initialising)
    }

    /// Makes a directory whose nodes belong to one domain and are readable by another.
    private func own(_ path: String, _ owner: DomainID, reader: DomainID) throws {
        try backendStore.write(path, "")
        try backendStore.setPermissions(
            path,
            [
                StorePermission(domain: owner, mayRead: false, mayWrite: false),
                StorePermission(domain: reader, mayRead: true, mayWrite: false),
            ], in: .none)
    }

    func offer(_ key: String, _ value: String) throws {
        try backendStore.write(XenbusBench.backend + "/" + key, value)
    }

    func setBackend(_ state: XenbusState) throws {
        try offer("state", "\(state.rawValue)")
    }

    /// A backend that offers everything and waits.
    func waitForFrontend(except missing: String = "") throws {
        for key in [
            "feature-rx-copy", "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6",
            "feature-ipv6-csum-offload", "feature-split-event-channels",
        ] where key != missing {
            try offer(key, "1")
        }
        try offer("multi-queue-max-queues", "4")
        try setBackend(.initWait)
    }

    /// What the frontend wrote, as the backend reads it.
    func written(_ key: String) throws -> String? {
        try backendStore.read(XenbusBench.frontend + "/" + key)
    }

    var state: XenbusState {
        get throws { XenbusState(text: try written("state")) }
    }

    func start() throws { try front.start(&store) }

    func step() throws -> NetFrontEvent { try front.step(&store) }

    func connect(_ queues: [FrontendQueueKeys]) throws { try front.connect(queues, &store) }

    func close() throws { try front.close(&store) }

    func reopen() throws { try front.reopen(&store) }

    /// As far as both ends being connected.
    func connectAll() throws {
        try start()
        try waitForFrontend()
        _ = try step()
        try connect([XenbusBench.keys(0)])
        try setBackend(.connected)
        _ = try step()
    }

    static func keys(_ queue: UInt32, splits: Bool = true) -> FrontendQueueKeys {
        FrontendQueueKeys(
            transmitRing: GrantReference(8 + queue), receiveRing: GrantReference(20 + queue),
            transmitPort: EventChannelPort(30 + queue),
            receivePort: EventChannelPort(splits ? 40 + queue : 30 + queue))
    }
}

/// The xenbus life of the emulated frontend.
@Suite struct GuestTestsNetFront {
    @Test("it waits for the backend to wait, then connects as Linux does")
    func connects() throws {
        let bench = try XenbusBench()
        try bench.start()
        #expect(bench.front.mac == MACAddress("00:16:3e:01:02:03"))
        #expect(bench.front.mtu == 1400)
        #expect(try bench.step() == .none)
        try bench.waitForFrontend()
        let offer = BackendOffer(
            domain: .control,
            features: [
                .scatterGather, .segmentationTCPv4, .segmentationTCPv6, .checksumIPv4,
                .checksumIPv6, .receiveCopy,
            ], splitsEventChannels: true, queuesMax: 4)
        #expect(try bench.step() == .prepare(offer))
        #expect(try bench.step() == .none)
        try bench.connect([XenbusBench.keys(0)])
        #expect(try bench.state == .connected)
        let keys = [
            "tx-ring-ref": "8", "rx-ring-ref": "20", "event-channel-tx": "30",
            "event-channel-rx": "40", "request-rx-copy": "1", "feature-rx-notify": "1",
            "feature-sg": "1", "feature-gso-tcpv4": "1", "feature-gso-tcpv6": "1",
            "feature-ipv6-csum-offload": "1",
        ]
        for (key, value) in keys { #expect(try bench.written(key) == value, "\(key)") }
        #expect(try bench.written("event-channel") == nil)
        #expect(try bench.written("feature-no-csum-offload") == nil)
        #expect(try bench.step() == .none)
        try bench.setBackend(.connected)
        #expect(try bench.step() == .connected)
        // A backend that writes its state anew, as a successor does, changes nothing.
        #expect(try bench.step() == .none)
    }

    @Test("options choose which keys are written")
    func options() throws {
        var options = FrontendOptions()
        options.features = [.receiveCopy, .segmentationTCPv6]
        let bench = try XenbusBench(options)
        try bench.start()
        try bench.waitForFrontend()
        _ = try bench.step()
        try bench.connect([XenbusBench.keys(0, splits: false)])
        let keys = [
            "event-channel": "30", "feature-sg": "0", "feature-gso-tcpv4": "0",
            "feature-gso-tcpv6": "1", "feature-rx-notify": "0", "feature-no-csum-offload": "1",
        ]
        for (key, value) in keys { #expect(try bench.written(key) == value, "\(key)") }
        #expect(try bench.written("event-channel-tx") == nil)
    }

    @Test("two queues have directories of their own")
    func twoQueues() throws {
        let bench = try XenbusBench()
        try bench.start()
        try bench.waitForFrontend()
        _ = try bench.step()
        try bench.connect([XenbusBench.keys(0), XenbusBench.keys(1)])
        #expect(try bench.written("multi-queue-num-queues") == "2")
        #expect(try bench.written("queue-1/tx-ring-ref") == "9")
        #expect(try bench.written("queue-0/event-channel-rx") == "40")
        #expect(try bench.written("tx-ring-ref") == nil)
        #expect(try bench.written("feature-sg") == "1")
    }

    @Test("a backend that does not copy is refused")
    func refuses() throws {
        let bench = try XenbusBench()
        try bench.start()
        try bench.waitForFrontend(except: "feature-rx-copy")
        #expect(try bench.step() == .refused)
        #expect(try bench.state == .initialising)
    }

    @Test("what the backend does not offer is off, checksums over IPv4 are on")
    func absentKeys() throws {
        let bench = try XenbusBench()
        try bench.start()
        try bench.offer("feature-rx-copy", "1")
        try bench.offer("feature-sg", "maybe")
        try bench.setBackend(.initWait)
        let offer = BackendOffer(
            domain: .control, features: [.checksumIPv4, .receiveCopy],
            splitsEventChannels: false, queuesMax: 1)
        #expect(try bench.step() == .prepare(offer))
    }

    @Test("a backend that closes ends the frontend, as on Linux", arguments: [5, 6])
    func backendCloses(state: Int) throws {
        let bench = try XenbusBench()
        try bench.connectAll()
        try bench.setBackend(try #require(XenbusState(rawValue: state)))
        #expect(try bench.step() == .lost)
        #expect(try bench.state == .closed)
        try bench.setBackend(.initWait)
        #expect(try bench.step() == .none)
        try bench.reopen()
        guard case .prepare = try bench.step() else {
            Issue.record("a reopened frontend connects again")
            return
        }
    }

    @Test("an orderly close goes through Closing and Closed with the backend")
    func closes() throws {
        let bench = try XenbusBench()
        try bench.connectAll()
        try bench.close()
        #expect(try bench.state == .closing)
        #expect(try bench.step() == .none)
        try bench.setBackend(.closing)
        #expect(try bench.step() == .none)
        #expect(try bench.state == .closed)
        try bench.setBackend(.closed)
        #expect(try bench.step() == .closed)
        #expect(bench.front.phase == .closed)
    }

    @Test("a Windows-like frontend closes and comes back before it connects")
    func closesFirst() throws {
        var options = FrontendOptions()
        options.closesBeforeConnecting = true
        let bench = try XenbusBench(options)
        try bench.waitForFrontend()
        try bench.start()
        #expect(try bench.state == .closing)
        // A backend that still waits does not tempt it.
        #expect(try bench.step() == .none)
        try bench.setBackend(.closing)
        #expect(try bench.step() == .none)
        #expect(try bench.state == .closed)
        try bench.setBackend(.closed)
        #expect(try bench.step() == .none)
        #expect(try bench.state == .initialising)
        try bench.setBackend(.initWait)
        guard case .prepare = try bench.step() else {
            Issue.record("it connects after its close")
            return
        }
        #expect(bench.front.phase == .preparing)
    }

    @Test("a frontend without a backend says so")
    func noBackend() throws {
        let bench = try XenbusBench()
        try bench.backendStore.remove(XenbusBench.frontend + "/backend")
        #expect(throws: PlatformError("backend", errno: 2)) { try bench.start() }
    }

    @Test("the watch on the backend's state fires when it changes")
    func watches() throws {
        let bench = try XenbusBench()
        try bench.start()
        while try bench.store.nextWatchEvent() != nil {}
        try bench.setBackend(.initWait)
        let event = try bench.store.nextWatchEvent()
        #expect(event?.path == XenbusBench.backend + "/state")
        #expect(event?.token == NetFront.watchToken)
    }
}
