// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostNetwork
import Netif
import Platform
import TestSupport
import Testing

@testable import DriverDomain
@testable import NetBack

@Suite("A vif's port on the host", .serialized, .timeLimit(.minutes(10)))
struct HostPortTests {
    /// Runs `body` on a thread of its own, in a fresh network namespace.
    private func inFreshNamespace(_ body: @escaping @Sendable () throws -> Void) throws {
        let thread = TestThread {
            do {
                try NetworkNamespace.enterFresh()
                try body()
            } catch {
                Issue.record("\(error)")
            }
        }
        thread.join()
    }

    private static func connection(queues: UInt32, mtu: UInt32? = nil) -> VifConnection {
        let queue = QueueConfiguration(
            transmitRing: GrantReference(8), receiveRing: GrantReference(9),
            transmitPort: EventChannelPort(1), receivePort: EventChannelPort(2))
        return VifConnection(
            vif: VifID(domain: DomainID(2), device: 0), generation: 1,
            configuration: VifConfiguration(
                features: .defaults, queues: (0..<queues).map { _ in queue }),
            bridge: nil, mtu: mtu, interfaceName: nil)
    }

    @Test("there is one TAP, with a descriptor for each queue", arguments: [1, 2, 8] as [UInt32])
    func queues(count: UInt32) throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            let port = try HostPort(
                for: Self.connection(queues: count, mtu: 1400), DriverOptions(bridge: "br0"),
                bridge.session)
            #expect(port.mtu == 1400)
            #expect(Set(port.queues).count == Int(count))
            for queue in port.queues {
                #expect(try bridge.session.link(named: "vif2.0")?.master == bridge.index)
                #expect(fcntl(queue, F_GETFL) & O_NONBLOCK != 0)
                close(queue)
            }
            #expect(try bridge.session.link(named: "vif2.0") == nil)
        }
    }

    @Test("each queue brings frames to the bridge")
    func frames() throws {
        try inFreshNamespace {
            let bridge = try Bridge(usingOrCreating: "br0")
            let port = try HostPort(
                for: Self.connection(queues: 2), DriverOptions(bridge: "br0"), bridge.session)
            for queue in port.queues {
                // Twelve bytes of vnet header, then a broadcast frame that the bridge sends to
                // nobody else: the queue takes it.
                var frame = [UInt8](repeating: 0, count: 12)
                frame += [UInt8](repeating: 0xFF, count: 6) + [2, 0, 0, 0, 0, 1, 0x88, 0xB5]
                frame += [UInt8](repeating: 7, count: 46)
                let written = unsafe write(queue, frame, frame.count)
                #expect(written == frame.count)
            }
            #expect(try bridge.session.statistics(of: "vif2.0").receivedPackets == 2)
            for queue in port.queues { close(queue) }
        }
    }

    @Test("a port that cannot be made leaves nothing")
    func undone() throws {
        try inFreshNamespace {
            let session = try NetlinkSession()
            #expect(throws: HostNetworkError.self) {
                _ = try HostPort(
                    for: Self.connection(queues: 2), DriverOptions(bridge: "none"), session)
            }
            #expect(try session.link(named: "vif2.0") == nil)
        }
    }
}
