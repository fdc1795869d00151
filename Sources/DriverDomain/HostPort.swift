// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import HostNetwork
import NetBack
import Netif
import Platform

/// The host's side of a connected vif: a TAP on its bridge.
struct HostPort {
    /// One descriptor for each queue of the vif; whoever takes them closes them, and the TAP goes
    /// with the last.
    let queues: [Int32]
    /// The TAP's name.
    let name: String
    /// The TAP's MTU.
    let mtu: UInt32

    /// Makes it.
    ///
    /// - Throws: `HostNetworkError`; nothing of it is left then.
    init(
        for connection: VifConnection, _ options: DriverOptions,
        _ network: borrowing NetlinkSession
    ) throws(HostNetworkError) {
        let count = connection.configuration.queues.count
        let tap = Self.configuration(for: connection, options)
        let first = try TapDevice(creating: tap, with: network)
        name = tap.name
        mtu = try network.existingLink(named: tap.name, for: "ip link show").mtu
        var queues: [Int32] = []
        do throws(HostNetworkError) {
            queues.append(try Self.copy(of: first.descriptor, tap.name))
            for _ in 1..<max(1, count) {
                let next = try TapDevice(queueOf: tap.name)
                queues.append(try Self.copy(of: next.descriptor, tap.name))
            }
        } catch {
            for queue in queues { close(queue) }
            throw error
        }
        self.queues = queues
    }

    private static func configuration(
        for connection: VifConnection, _ options: DriverOptions
    ) -> TapConfiguration {
        let features = connection.configuration.features
        var tap = TapConfiguration(
            name: connection.interfaceName ?? "\(connection.vif)",
            bridge: connection.bridge ?? options.bridge)
        tap.mtu = connection.mtu ?? options.mtu
        tap.transmitQueueLength = options.transmitQueueLength
        tap.hasSeveralQueues = connection.configuration.queues.count > 1
        tap.offload = []
        if features.contains(.checksumIPv4) && options.limits.offersChecksumOffload {
            tap.offload.insert(.checksum)
            if features.isSuperset(of: [.scatterGather, .segmentationTCPv4]) {
                tap.offload.insert(.segmentationIPv4)
            }
            if features.isSuperset(of: [.scatterGather, .segmentationTCPv6, .checksumIPv6]) {
                tap.offload.insert(.segmentationIPv6)
            }
        }
        return tap
    }

    /// A descriptor that outlives the device's own.
    private static func copy(
        of descriptor: Int32, _ name: String
    ) throws(HostNetworkError) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw HostNetworkError("fcntl(F_DUPFD)", on: name, errno: errno) }
        return copy
    }
}
