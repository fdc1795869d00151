// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform
public import Ring
public import SharedMemory

/// The half of a queue that takes packets from the guest: its Tx ring and the port that they go to.
///
/// Owned by exactly one worker. `TransmitPath.swift` holds what it does, `TransmitQueue+Resuming`
/// how it takes up where another left off.
public struct TransmitQueue<Words: SharedWords, Port: PacketPort & ~Copyable>: ~Copyable {
    /// Which queue it is of.
    public var id: QueueID
    /// The number of the queue's page in the journal.
    public let slot: Int
    private let isAlone: Bool
    /// The guest's ring page.
    @usableFromInline let words: Words
    /// The guest's Tx ring.
    @usableFromInline var ring: BackRing<Words, TransmitFormat>
    /// Where its packets stand, for a successor.
    @usableFromInline var journal: TransmitJournal<Words>
    /// What the half counts, for a successor and for inspectors.
    @usableFromInline let record: HalfJournal<Words>
    /// The host's side.
    public var port: Port
    /// Our end of the channel.
    @usableFromInline let channel: EventChannelPort

    /// Frames that the port took since it was made, modulo 2^32.
    @usableFromInline var frameCount: UInt32 = 0
    /// Frames of the next step that reached the host in the step that the last owner did not
    /// survive.
    @usableFromInline var sentBefore: UInt32 = 0
    /// The guest may have published requests.
    public var isPending = true
    /// The half does no more ring work.
    public var isDisabled = false
    /// Why it is disabled, if the reason is its own.
    public var fault: QueueFault?
    /// What it did.
    public var statistics = QueueStatistics()

    /// Holds a guest's ring without looking at it: `attach` or `resume` comes first.
    public init(
        _ opening: QueueOpening, words: Words, channel: EventChannelPort,
        journal: QueueJournal<Words>, port: consuming Port
    ) {
        id = opening.id
        slot = opening.slot
        isAlone = opening.isAlone
        self.words = words
        ring = BackRing(unattached: words)
        self.journal = journal.transmit
        record = journal.half(.transmit)
        self.port = port
        self.channel = channel
    }

    /// Attaches to a guest's running ring, of which nothing more is known than its page says.
    ///
    /// - Throws: `QueueFault` if the ring is impossible.
    public mutating func attach() throws(QueueFault) {
        do throws(RingFault) {
            ring = try BackRing(attachingTo: words)
        } catch {
            throw .transmitRing(error)
        }
        frameCount = traffic()?.framesTaken ?? 0
        journal.reset(at: ring.publishedResponses, frames: frameCount)
    }

    /// True when there is something to do now.
    @inlinable public var isReady: Bool { isDisabled ? false : isPending }

    /// Ready, and not made to stall on purpose.
    @inlinable public var isServable: Bool { isReady ? !record.isStalling : false }

    /// Ends the half's ring work, for the reason given or for the other half's sake; a successor
    /// will not begin it again.
    @inlinable
    public mutating func disable(for reason: QueueFault?) {
        isDisabled = true
        fault = reason
        record.disable()
    }

    /// True when nothing but an event of the guest's can give it more to do.
    @inlinable public var wantsEvent: Bool { !isDisabled && !isPending }

    /// What the host counted of the queue; nil if it counts others with it, or not at all.
    func traffic() -> PortTraffic? { isAlone ? port.traffic() : nil }

    /// True when the guest had answers outstanding before we came: it may wait for a notification
    /// that its last backend owed it.
    var wasServedBefore: Bool { ring.publishedResponses != RingIndex(0) }

    /// How the journal names it.
    @inlinable var journalHalf: JournalHalf { JournalHalf(slot: slot, direction: .transmit) }
}
