// SPDX-License-Identifier: Apache-2.0
import Netif

/// What a backend offers, and how much of everything it takes on.
public struct BackendLimits: Equatable, Sendable {
    /// Most vifs served at once.
    public var vifs: Int
    /// Most queues of one vif. Corresponds to `multi-queue-max-queues`.
    public var queuesPerVif: UInt32
    /// False to make guests compute every checksum (`feature-no-csum-offload`).
    public var offersChecksumOffload: Bool

    /// Takes the limits as they are.
    public init(vifs: Int = 512, queuesPerVif: UInt32 = 1, offersChecksumOffload: Bool = true) {
        self.vifs = vifs
        self.queuesPerVif = queuesPerVif
        self.offersChecksumOffload = offersChecksumOffload
    }

    /// The feature nodes of the backend's directory, in the order in which they are written.
    public var offeredFeatures: [(key: String, value: String)] {
        // Segmentation needs the checksum offload: without the one the other is not offered.
        let offload = offersChecksumOffload ? "1" : "0"
        return [
            (NetifKey.featureSG, "1"),
            (NetifKey.featureGSOTCPv4, offload),
            (NetifKey.featureGSOTCPv6, offload),
            (NetifKey.featureNoChecksumOffload, offersChecksumOffload ? "0" : "1"),
            (NetifKey.featureIPv6ChecksumOffload, offload),
            (NetifKey.featureRxCopy, "1"),
            (NetifKey.featureRxFlip, "0"),
            (NetifKey.featureSplitEventChannels, "1"),
            (NetifKey.multiQueueMaxQueues, "\(queuesPerVif)"),
        ]
    }
}
