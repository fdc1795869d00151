// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform
public import Ring
public import SharedMemory

/// The half of a queue that takes packets from the guest: its Tx ring and the port that they go to.
///
/// Owned by exactly one worker. `TransmitPath.swift` holds what it does.
public struct TransmitQueue<Words: SharedWords, Port: PacketPort & ~Copyable>: ~Copyable {
    /// Which queue it is of.
    public let id: QueueID
    /// The guest's Tx ring.
    @usableFromInline var ring: BackRing<Words, TransmitFormat>
    /// The host's side.
    public var port: Port
    /// Our end of the channel.
    @usableFromInline let channel: EventChannelPort

    /// The guest may have published requests.
    public var isPending = true
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
        id: QueueID, words: Words, channel: EventChannelPort, port: consuming Port
    ) throws(QueueFault) {
        // The ring first: a non-copyable value cannot be half made.
        let ring: BackRing<Words, TransmitFormat>
        do throws(RingFault) {
            ring = try BackRing(attachingTo: words)
        } catch {
            throw .transmitRing(error)
        }
        self.ring = ring
        self.id = id
        self.port = port
        self.channel = channel
    }

    /// True when there is something to do now.
    @inlinable public var isReady: Bool { !isDisabled && isPending }

    /// True when nothing but an event of the guest's can give it more to do.
    @inlinable public var wantsEvent: Bool { !isDisabled && !isPending }

    /// True when the guest had answers outstanding before we came: it may wait for a notification
    /// that its last backend owed it.
    var wasServedBefore: Bool { ring.publishedResponses != RingIndex(0) }
}
