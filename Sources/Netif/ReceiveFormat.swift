// SPDX-License-Identifier: Apache-2.0
public import Ring

/// The ring of buffers for packets to the guest. Corresponds to `struct netif_rx_sring`.
public enum ReceiveFormat: RingFormat {
    /// `union netif_rx_sring_entry`: 8 bytes.
    @inlinable public static var wordsPerSlot: Int { 2 }
    /// `struct netif_rx_request`: 8 bytes.
    @inlinable public static var wordsPerRequest: Int { 2 }
    /// `struct netif_rx_response`: 8 bytes.
    @inlinable public static var wordsPerResponse: Int { 2 }
    /// 504 slots fit in the page; 256 is the power of two below.
    @inlinable public static var slotCount: UInt32 { 256 }
}
