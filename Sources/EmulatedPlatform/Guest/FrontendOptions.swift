// SPDX-License-Identifier: Apache-2.0
public import Netif

/// How a frontend behaves towards xenbus.
public struct FrontendOptions: Sendable {
    /// What it says that it understands.
    public var features: FrontendFeatures = [
        .scatterGather, .segmentationTCPv4, .segmentationTCPv6, .checksumIPv4, .checksumIPv6,
        .receiveCopy, .receiveNotify,
    ]
    /// Uses one port for each direction when the backend can.
    public var splitsEventChannels = true
    /// Closes and comes back before it connects for the first time, as Windows does.
    public var closesBeforeConnecting = false

    /// A Linux frontend.
    public init() {}
}
