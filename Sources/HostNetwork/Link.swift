// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What the kernel says of one link at one moment, as `ip -d link show NAME` does.
public struct Link: Equatable, Sendable {
    /// Its name.
    public var name: String
    /// Its number in its network namespace; never given to another link while the namespace lives.
    public var index: Int32
    /// The driver behind a virtual link (`bridge`, `tun`, `veth`); nil for hardware and loopback.
    public var kind: String?
    /// Largest payload in bytes.
    public var mtu: UInt32
    /// Frames that may wait to leave. Corresponds to `txqueuelen`.
    public var transmitQueueLength: UInt32
    /// Its Ethernet address; nil where it has none.
    public var mac: MACAddress?
    /// Index of the bridge it is a port of; nil for none.
    public var master: Int32?
    /// Whether an operator brought it up.
    public var isUp: Bool

    /// Whether ports can be enslaved to it.
    public var isBridge: Bool { kind == "bridge" }
}
