// SPDX-License-Identifier: Apache-2.0
public import Platform

/// Everything that is needed to open one vif's queues.
public struct VifConnection: Equatable, Sendable {
    /// The vif.
    public var vif: VifID
    /// Counts the connections of this vif; answers name it.
    public var generation: UInt32
    /// What the frontend published.
    public var configuration: VifConfiguration
    /// The bridge that the toolstack named, nil for the default one.
    public var bridge: String?
    /// The largest frame payload in bytes that the toolstack set, nil for the default.
    public var mtu: UInt32?
    /// The name that the toolstack wants for the host's interface, nil for `vifD.N`.
    public var interfaceName: String?
}

/// How loudly something is said.
public enum ReportLevel: Sendable {
    /// The ordinary life of a vif.
    case info
    /// A guest or a toolstack did something wrong, and it was dealt with.
    case warning
    /// Something that we needed failed.
    case error
}

/// What the backend wants done outside of the store.
public enum BackendCommand: Equatable, Sendable {
    /// Make the host's port, then open every queue on a worker.
    case open(VifConnection)
    /// Close these queues of one connection, then remove its port. No others of it are held.
    case close([QueueID])
    /// Say something about a vif, or about none in particular.
    case report(ReportLevel, vif: VifID?, message: String)
}

/// What came of a command.
public enum QueueEvent: Equatable, Sendable {
    /// The queue serves packets.
    case opened(QueueID)
    /// The queue could not be opened; the sentence says why.
    case openFailed(QueueID, reason: String)
    /// The queue is closed: nothing of the guest's is mapped or bound.
    case closed(QueueID)
    /// The guest broke the protocol: the queue does no more ring work until the vif reconnects.
    case disabled(QueueID, fault: String)
}
