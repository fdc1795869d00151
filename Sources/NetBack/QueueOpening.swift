// SPDX-License-Identifier: Apache-2.0
public import Netif
import Platform

/// What a worker needs to open one queue, beside the port.
public struct QueueOpening: Equatable, Sendable {
    /// Which queue.
    public var id: QueueID
    /// The guest's rings and ports.
    public var configuration: QueueConfiguration
    /// What the guest can take.
    public var features: FrontendFeatures
    /// The largest unsegmented frame in bytes, Ethernet header and VLAN tags included.
    public var frameSizeMax: Int
    /// The number of the queue's page in the journal.
    public var slot: Int
    /// The vif has no other queue. The host counts frames of a vif, not of a queue: what was sent
    /// in a step that nobody survived is known of a queue that is alone.
    public var isAlone: Bool

    /// Takes the parts as they are.
    public init(
        id: QueueID, configuration: QueueConfiguration, features: FrontendFeatures,
        frameSizeMax: Int, slot: Int, isAlone: Bool = true
    ) {
        self.id = id
        self.configuration = configuration
        self.features = features
        self.frameSizeMax = frameSizeMax
        self.slot = slot
        self.isAlone = isAlone
    }

    /// Buffers that the guest must have posted before a frame is read for it: the need of the
    /// largest one that it can take.
    public var receiveSlotsNeeded: UInt32 {
        guard features.contains(.scatterGather) else { return 1 }
        let isSegmenting =
            features.contains(.segmentationTCPv4) || features.contains(.segmentationTCPv6)
        guard !isSegmenting else { return UInt32(NetifLimits.slotsPerPacketMax) }
        let (rounded, overflow) = frameSizeMax.addingReportingOverflow(PageArena.pageSize - 1)
        guard !overflow else { return UInt32(NetifLimits.slotsPerPacketMax) }
        let pages = rounded / PageArena.pageSize
        return UInt32(min(max(pages, 1), NetifLimits.slotsPerPacketMax))
    }
}
