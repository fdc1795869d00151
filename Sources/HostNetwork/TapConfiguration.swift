// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What a new TAP is to look like.
public struct TapConfiguration: Equatable, Sendable {
    /// Its name, at most 15 bytes.
    public var name: String
    /// The bridge it becomes a port of; nil for none.
    public var bridge: String?
    /// Its Ethernet address.
    public var mac = MACAddress.backend
    /// Largest payload in bytes; nil takes the bridge's, or 1,500 without one. A bridge whose MTU
    /// nobody set shrinks to its smallest port, so a smaller number here reaches its other ports.
    public var mtu: UInt32?
    /// Frames that wait for a slow or absent reader before more are dropped.
    public var transmitQueueLength: UInt32 = 4096
    /// What its reader is ready to finish.
    public var offload = TapOffload.all
    /// Whether the host's IPv6 may give it an address; a bridge port needs none.
    public var generatesAddresses = false
    /// Whether `TapDevice(queueOf:)` can open more queues of it.
    public var hasSeveralQueues = false

    /// A TAP of this name on this bridge, everything else as a backend wants it.
    public init(name: String, bridge: String? = nil) {
        self.name = name
        self.bridge = bridge
    }
}
