// SPDX-License-Identifier: Apache-2.0
public import Ring

/// The ring of packets from the guest. Corresponds to `struct netif_tx_sring`.
///
/// A response fills one of the three words, so that offset, flags, id and size of an answered
/// request stay readable in its slot.
public enum TransmitFormat: RingFormat {
    /// `union netif_tx_sring_entry`: 12 bytes.
    @inlinable public static var wordsPerSlot: Int { 3 }
    /// `struct netif_tx_request`: 12 bytes.
    @inlinable public static var wordsPerRequest: Int { 3 }
    /// `struct netif_tx_response`: 4 bytes.
    @inlinable public static var wordsPerResponse: Int { 1 }
    /// 336 slots fit in the page; 256 is the power of two below.
    @inlinable public static var slotCount: UInt32 { 256 }
}
