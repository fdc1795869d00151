// SPDX-License-Identifier: Apache-2.0
import NetBack
import Netif

/// One queue of a vif, as found at one moment.
struct QueueLook {
    var index: UInt32
    /// Its page in the journal, nil for backends other than ours.
    var slot: Int?
    var opening: QueueOpening?
    var transmit = HalfLook<TransmitFormat>()
    var receive = HalfLook<ReceiveFormat>()

    /// Whether both rings could be read.
    var isWhole: Bool { transmit.image != nil && receive.image != nil }
}
