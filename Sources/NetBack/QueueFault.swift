// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform
public import Ring

/// Why a queue does no more ring work.
public enum QueueFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The guest broke a rule of the ring.
    case transmitRing(RingFault)
    /// The guest broke a rule of the Rx ring.
    case receiveRing(RingFault)
    /// The guest broke a rule of netif that is fatal.
    case packet(NetifFault)
    /// A service of the host or of Xen failed.
    case platform(PlatformError)
    /// Serving it has ended so many backends, one after the other, at the same place.
    case deadly(deaths: Int)

    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .transmitRing(let fault): "Tx ring: \(fault)"
        case .receiveRing(let fault): "Rx ring: \(fault)"
        case .packet(let fault): "Tx packet: \(fault)"
        case .platform(let error): "\(error)"
        case .deadly(let deaths):
            "\(deaths) backends died at the same request, one after the other"
        }
    }
}
