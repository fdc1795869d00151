// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform
public import Ring
public import SharedMemory

/// The packet path of one queue: two rings on the guest's side, a port on the host's.
///
/// Owned by exactly one worker. `TransmitPath.swift` and `ReceivePath.swift` hold what it does.
public struct VifQueue<Words: SharedWords, Port: PacketPort & ~Copyable>: ~Copyable {
    /// Which queue it is.
    public let id: QueueID
    /// The guest's Tx ring.
    @usableFromInline var transmitRing: BackRing<Words, TransmitFormat>
    /// The guest's Rx ring.
    @usableFromInline var receiveRing: BackRing<Words, ReceiveFormat>
    /// The host's side.
    public var port: Port
    /// Our end of the channel for the Tx ring.
    @usableFromInline let transmitChannel: EventChannelPort
    /// Our end of the channel for the Rx ring; the same unless split.
    @usableFromInline let receiveChannel: EventChannelPort
    /// What the guest can take.
    @usableFromInline let features: FrontendFeatures
    /// Rx requests that must be free before a frame is read: the largest frame's need.
    @usableFromInline let receiveSlotsNeeded: UInt32

    /// The guest may have published Tx requests.
    public var isTransmitPending = true
    /// The port may have a frame.
    public var isPortReadable = true
    /// A frame waits, and the guest has posted too few buffers for the largest one.
    public var isReceiveBlocked = false
    /// The queue does no more ring work.
    public var isDisabled = false
    /// Why the queue is disabled, if it is.
    public var fault: QueueFault?
    /// What it did.
    public var statistics = QueueStatistics()

    /// Attaches to a guest's running rings.
    ///
    /// - Throws: `QueueFault` if the rings are impossible.
    public init(
        id: QueueID, transmitWords: Words, receiveWords: Words, transmitChannel: EventChannelPort,
        receiveChannel: EventChannelPort, features: FrontendFeatures, frameSizeMax: Int,
        port: consuming Port
    ) throws(QueueFault) {
        // Both rings first: a non-copyable value cannot be half made.
        let transmitRing: BackRing<Words, TransmitFormat>
        let receiveRing: BackRing<Words, ReceiveFormat>
        do throws(RingFault) {
            transmitRing = try BackRing(attachingTo: transmitWords)
        } catch {
            throw .transmitRing(error)
        }
        do throws(RingFault) {
            receiveRing = try BackRing(attachingTo: receiveWords)
        } catch {
            throw .receiveRing(error)
        }
        self.transmitRing = transmitRing
        self.receiveRing = receiveRing
        self.id = id
        self.port = port
        self.transmitChannel = transmitChannel
        self.receiveChannel = receiveChannel
        self.features = features
        receiveSlotsNeeded = Self.slotsNeeded(features: features, frameSizeMax: frameSizeMax)
    }

    /// True when there is something to do now.
    @inlinable
    public var isReady: Bool {
        !isDisabled && (isTransmitPending || (isPortReadable && !isReceiveBlocked))
    }

    /// True when the guest had answers outstanding before we came: it may wait for a notification
    /// that its last backend owed it.
    var wasServedBefore: Bool {
        transmitRing.publishedResponses != RingIndex(0)
            || receiveRing.publishedResponses != RingIndex(0)
    }

    private static func slotsNeeded(features: FrontendFeatures, frameSizeMax: Int) -> UInt32 {
        guard features.contains(.scatterGather) else { return 1 }
        let isSegmenting =
            features.contains(.segmentationTCPv4) || features.contains(.segmentationTCPv6)
        guard !isSegmenting else { return UInt32(NetifLimits.slotsPerPacketMax) }
        let pages = (frameSizeMax + PageArena.pageSize - 1) / PageArena.pageSize
        return UInt32(min(max(pages, 1), NetifLimits.slotsPerPacketMax))
    }
}
