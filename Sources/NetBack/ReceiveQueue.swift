// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform
public import Ring
public import SharedMemory

/// The half of a queue that gives packets to the guest: its Rx ring and the port they come from.
///
/// Owned by exactly one worker. `ReceivePath.swift` holds what it does, `ReceiveQueue+Resuming` how
/// it takes up where another left off.
public struct ReceiveQueue<Words: SharedWords, Port: PacketPort & ~Copyable>: ~Copyable {
    /// Which queue it is of.
    public var id: QueueID
    /// The number of the queue's page in the journal.
    public let slot: Int
    private let isAlone: Bool
    /// The guest's ring page.
    @usableFromInline let words: Words
    /// The guest's Rx ring.
    @usableFromInline var ring: BackRing<Words, ReceiveFormat>
    /// Where its packets stand, for a successor.
    @usableFromInline var journal: ReceiveJournal<Words>
    /// What the half counts, for a successor and for inspectors.
    @usableFromInline let record: HalfJournal<Words>
    /// The host's side.
    public var port: Port
    /// Our end of the channel.
    @usableFromInline let channel: EventChannelPort
    /// What the guest can take.
    @usableFromInline let features: FrontendFeatures
    /// Requests that must be free before a frame is read: the largest frame's need.
    @usableFromInline let slotsNeeded: UInt32

    /// Frames and bytes read from the port since it was made, modulo 2^32.
    @usableFromInline var frameCount: UInt32 = 0
    @usableFromInline var byteCount: UInt32 = 0
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
        self.journal = journal.receive
        record = journal.half(.receive)
        self.port = port
        self.channel = channel
        features = opening.features
        slotsNeeded = opening.receiveSlotsNeeded
    }

    /// Attaches to a guest's running ring, of which nothing more is known than its page says.
    ///
    /// - Throws: `QueueFault` if the ring is impossible.
    public mutating func attach() throws(QueueFault) {
        do throws(RingFault) {
            ring = try BackRing(attachingTo: words)
        } catch {
            throw .receiveRing(error)
        }
        let traffic = traffic()
        (frameCount, byteCount) = (traffic?.framesGiven ?? 0, traffic?.bytesGiven ?? 0)
        journal.reset(at: ring.publishedResponses, frames: frameCount, bytes: byteCount)
    }

    /// True when there is something to do now.
    @inlinable public var isReady: Bool {
        if isDisabled || isBlocked { return false }
        return isPortReadable
    }

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

    /// True when nothing but an event of the guest's can give it more to do. While it waits for
    /// the port, what the guest posts is none of its business.
    @inlinable public var wantsEvent: Bool { !isDisabled && isBlocked }

    /// What the host counted of the queue; nil if it counts others with it, or not at all.
    func traffic() -> PortTraffic? { isAlone ? port.traffic() : nil }

    /// True when the guest had answers outstanding before we came: it may wait for a notification
    /// that its last backend owed it.
    var wasServedBefore: Bool { ring.publishedResponses != RingIndex(0) }

    /// How the journal names it.
    @inlinable var journalHalf: JournalHalf { JournalHalf(slot: slot, direction: .receive) }
}
