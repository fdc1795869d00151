// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform
public import Ring
public import SharedMemory

/// The half of a queue that gives packets to the guest: its Rx ring and the port they come from.
///
/// Owned by exactly one worker. `ReceivePath.swift` holds what it does.
public struct ReceiveQueue<Words: SharedWords, Port: PacketPort & ~Copyable>: ~Copyable {
    /// Which queue it is of.
    public let id: QueueID
    /// The guest's Rx ring.
    @usableFromInline var ring: BackRing<Words, ReceiveFormat>
    /// The host's side.
    public var port: Port
    /// Our end of the channel.
    @usableFromInline let channel: EventChannelPort
    /// What the guest can take.
    @usableFromInline let features: FrontendFeatures
    /// Requests that must be free before a frame is read: the largest frame's need.
    @usableFromInline let slotsNeeded: UInt32

    /// The port may have a frame.
    public var isPortReadable = true
    /// A frame waits, and the guest has posted too few buffers for the largest one.
    public var isBlocked = false
    /// The half does no more ring work.
    public var isDisabled = false
    /// Why it is disabled, if the reason is its own.
    public var fault: QueueFault?
    /// What it did.
    public var statistics = QueueStatistics()

    /// Attaches to a guest's running ring.
    ///
    /// - Throws: `QueueFault` if the ring is impossible.
    public init(
        id: QueueID, words: Words, channel: EventChannelPort, features: FrontendFeatures,
        frameSizeMax: Int, port: consuming Port
    ) throws(QueueFault) {
        // The ring first: a non-copyable value cannot be half made.
        let ring: BackRing<Words, ReceiveFormat>
        do throws(RingFault) {
            ring = try BackRing(attachingTo: words)
        } catch {
            throw .receiveRing(error)
        }
        self.ring = ring
        self.id = id
        self.port = port
        self.channel = channel
        self.features = features
        slotsNeeded = Self.slotsNeeded(features: features, frameSizeMax: frameSizeMax)
    }

    /// True when there is something to do now.
    @inlinable public var isReady: Bool { !isDisabled && isPortReadable && !isBlocked }

    /// True when nothing but an event of the guest's can give it more to do. While it waits for
    /// the port, what the guest posts is none of its business.
    @inlinable public var wantsEvent: Bool { !isDisabled && isBlocked }

    /// True when the guest had answers outstanding before we came: it may wait for a notification
    /// that its last backend owed it.
    var wasServedBefore: Bool { ring.publishedResponses != RingIndex(0) }

    private static func slotsNeeded(features: FrontendFeatures, frameSizeMax: Int) -> UInt32 {
        guard features.contains(.scatterGather) else { return 1 }
        let isSegmenting =
            features.contains(.segmentationTCPv4) || features.contains(.segmentationTCPv6)
        guard !isSegmenting else { return UInt32(NetifLimits.slotsPerPacketMax) }
        let pages = (frameSizeMax + PageArena.pageSize - 1) / PageArena.pageSize
        return UInt32(min(max(pages, 1), NetifLimits.slotsPerPacketMax))
    }
}
