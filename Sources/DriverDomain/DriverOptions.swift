// SPDX-License-Identifier: Apache-2.0
public import NetBack

/// What a driver domain is told before it starts to serve.
public struct DriverOptions: Sendable {
    /// Where guests' packets go unless the toolstack names a bridge for a vif.
    public var bridge: String
    /// Make that bridge if it is not there, and remove it at the end.
    public var createsBridge = false
    /// Leave guests connected at the end, for the next process to serve on.
    public var detachesAtExit = false
    /// The vifs' MTU unless the toolstack names one; nil for the bridge's.
    public var mtu: UInt32?
    /// Frames that wait for a guest before more are dropped.
    public var transmitQueueLength: UInt32 = 4096
    /// What is offered, and how much of it.
    public var limits = BackendLimits()
    /// Worker threads for each direction.
    public var workers = 1
    /// Which hypervisor.
    public var hypervisor = HypervisorChoice.xen
    /// How xenstore is spoken to.
    public var storeClient = StoreClientChoice.library

    /// The ways to speak to xenstore.
    public enum StoreClientChoice: Sendable {
        /// Through libxenstore.
        case library
        /// By its wire protocol: in a statically linked program (decision 0008).
        case wire
    }

    /// Everything but the bridge is as it is by default.
    public init(bridge: String) {
        self.bridge = bridge
    }
}
