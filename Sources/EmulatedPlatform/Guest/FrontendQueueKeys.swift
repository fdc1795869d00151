// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What the backend must know of one queue.
public struct FrontendQueueKeys: Equatable, Sendable {
    /// The grant of the Tx ring.
    public var transmitRing: GrantReference
    /// The grant of the Rx ring.
    public var receiveRing: GrantReference
    /// The port for Tx.
    public var transmitPort: EventChannelPort
    /// The port for Rx: the same one, unless they are split.
    public var receivePort: EventChannelPort

    /// Takes the parts as they are.
    public init(
        transmitRing: GrantReference, receiveRing: GrantReference,
        transmitPort: EventChannelPort, receivePort: EventChannelPort
    ) {
        self.transmitRing = transmitRing
        self.receiveRing = receiveRing
        self.transmitPort = transmitPort
        self.receivePort = receivePort
    }
}
