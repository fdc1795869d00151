// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import NetBack
import Netif
import Platform
import Ring
import SharedMemory

/// One ring, and what its backend keeps of it, as found at one moment.
struct HalfLook<Format: RingFormat> {
    /// Where the guest says its ring is, as it stands in the store or in the journal.
    var reference: String?
    /// The guest's event channel port.
    var port: String?
    /// The ring; nil where it cannot be had.
    var image: RingImage<Format>?
    /// Why not.
    var failure: String?
    /// What the backend keeps; nil for backends other than ours.
    var journal: HalfPage?

    /// The grant reference, if it is one.
    var grant: GrantReference? { reference.flatMap { UInt32(plain: $0) }.map(GrantReference.init) }
}

/// A half's part of the journal, each word read once.
struct HalfPage: Equatable {
    /// Up to where answers are in the ring: `rsp_prod_pvt` where nothing is amiss.
    var published: RingIndex
    /// Up to where answers are kept: `req_cons`.
    var done: RingIndex
    /// Up to where packets may have reached the host; of Tx alone.
    var intended: RingIndex?
    /// Frames through the port, modulo 2^32.
    var frames: UInt32
    var isDisabled: Bool
    var isStalling: Bool
    var worker: Int
    /// The backend's end of the event channel.
    var channel: UInt32
    var statistics: QueueStatistics

    init(_ page: QueueJournal<MappedWords>, _ direction: QueueDirection) {
        let half = page.half(direction)
        switch direction {
        case .transmit:
            published = page.transmit.published
            done = page.transmit.done
            intended = page.transmit.intended
            frames = page.transmit.frames
        case .receive:
            published = page.receive.published
            done = page.receive.done
            frames = page.receive.frames
        }
        isDisabled = half.isDisabled
        isStalling = half.isStalling
        worker = half.worker
        channel = half.channel.rawValue
        statistics = half.statistics
    }
}
