// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import Testing

@Suite("The toolstack's part of a vif", .timeLimit(.minutes(10)))
struct ToolstackTests {
    private static let vif = VifID(domain: DomainID(2), device: 1)
    private static let frontend = "/local/domain/2/device/vif/1"
    private static let backend = "/local/domain/1/backend/vif/2/1"

    private static func attachment(mtu: Int? = nil) throws -> VifAttachment {
        VifAttachment(
            vif: vif, backend: DomainID(1), mac: try #require(MACAddress("00:16:3e:00:00:01")),
            bridge: "br0", mtu: mtu)
    }

    /// A store with two domains' homes, and dom0's toolstack on it.
    private static func makeToolstack(
        _ store: EmulatedStore
    ) throws -> Toolstack<InProcessStore> {
        var control = InProcessStore(store, as: .control)
        for domain in [DomainID(1), DomainID(2)] {
            store.introduce(domain)
            try control.write("/local/domain/\(domain)", "")
        }
        return Toolstack(control)
    }

    @Test("an attached vif has both halves, each readable by the other end")
    func attach() throws {
        let store = EmulatedStore()
        var toolstack = try Self.makeToolstack(store)
        try toolstack.attachVif(Self.attachment(mtu: 9000))
        var driver = InProcessStore(store, as: DomainID(1))
        var guest = InProcessStore(store, as: DomainID(2))
        for (key, value) in [
            ("frontend", Self.frontend), ("frontend-id", "2"), ("online", "1"), ("state", "1"),
            ("script", "vif-bridge"), ("mac", "00:16:3e:00:00:01"), ("bridge", "br0"),
            ("handle", "1"), ("type", "vif"), ("hotplug-status", ""),
        ] {
            #expect(try guest.read("\(Self.backend)/\(key)") == value)
        }
        for (key, value) in [
            ("backend", Self.backend), ("backend-id", "1"), ("state", "1"), ("handle", "1"),
            ("mac", "00:16:3e:00:00:01"), ("mtu", "9000"),
        ] {
            #expect(try driver.read("\(Self.frontend)/\(key)") == value)
        }
        try driver.write("\(Self.backend)/state", "2")
        try guest.write("\(Self.frontend)/state", "4")
        #expect(throws: PlatformError.self) { try guest.write("\(Self.backend)/state", "5") }
        #expect(throws: PlatformError.self) { try driver.write("\(Self.frontend)/state", "5") }
        #expect(throws: PlatformError.self) { try driver.remove("/local/domain/1/backend/vif/2") }
        #expect(try driver.remove(Self.backend))
        #expect(try toolstack.vifs(of: DomainID(2)) == [Self.vif])
    }

    @Test("a second vif of the same number, or one of a missing domain, is refused")
    func refusals() throws {
        var toolstack = try Self.makeToolstack(EmulatedStore())
        try toolstack.attachVif(Self.attachment())
        #expect(throws: PlatformError("attach", errno: 17)) {
            try toolstack.attachVif(Self.attachment())
        }
        var elsewhere = try Self.attachment()
        elsewhere.vif.device = 2
        elsewhere.backend = DomainID(9)
        #expect(throws: PlatformError("attach", errno: 3)) { try toolstack.attachVif(elsewhere) }
        #expect(try toolstack.store.read("/local/domain/2/device/vif/2") == nil)
    }

    @Test("a vif whose backend closes and removes its half is unplugged")
    func detach() throws {
        let store = EmulatedStore()
        var toolstack = try Self.makeToolstack(store)
        try toolstack.attachVif(Self.attachment())
        try toolstack.requestDetach(Self.vif)
        var driver = InProcessStore(store, as: DomainID(1))
        #expect(try driver.read("\(Self.backend)/online") == "0")
        #expect(try driver.read("\(Self.backend)/state") == "5")
        try driver.write("\(Self.backend)/state", "6")
        try driver.remove(Self.backend)
        try toolstack.detachVif(Self.vif, timeoutMilliseconds: 0)
        #expect(try toolstack.store.read(Self.frontend) == nil)
        #expect(try toolstack.vifs(of: DomainID(2)).isEmpty)
        #expect(throws: PlatformError("vif", errno: 2)) { try toolstack.detachVif(Self.vif) }
    }

    @Test("a backend that does nothing keeps its vif until it is unplugged by force")
    func force() throws {
        var toolstack = try Self.makeToolstack(EmulatedStore())
        try toolstack.attachVif(Self.attachment())
        #expect(throws: PlatformError("detach", errno: 110)) {
            try toolstack.detachVif(Self.vif, timeoutMilliseconds: 0)
        }
        #expect(try toolstack.store.read(Self.frontend) != nil)
        #expect(try !toolstack.destroyVif(Self.vif, timeoutMilliseconds: 0))
        #expect(try toolstack.store.read(Self.frontend) == nil)
        #expect(try toolstack.store.read(Self.backend) == nil)
    }

    @Test("a guest that points its half elsewhere leads the toolstack nowhere")
    func forgedPath() throws {
        let store = EmulatedStore()
        var toolstack = try Self.makeToolstack(store)
        try toolstack.attachVif(Self.attachment())
        try toolstack.store.write("/local/domain/1/victim/state", "4")
        var guest = InProcessStore(store, as: DomainID(2))
        try guest.write("\(Self.frontend)/backend", "/local/domain/1/victim")
        try toolstack.forget(DomainID(2), timeoutMilliseconds: 0)
        #expect(try toolstack.store.read("/local/domain/1/victim/state") == "4")
        #expect(try toolstack.store.read("/libxl/2") == nil)
    }
}
