// SPDX-License-Identifier: Apache-2.0
public import Ring

/// The ring of control messages. Corresponds to `struct xen_netif_ctrl_sring`.
public enum ControlFormat: RingFormat {
    /// `union xen_netif_ctrl_sring_entry`: 16 bytes.
    @inlinable public static var wordsPerSlot: Int { 4 }
    /// `struct xen_netif_ctrl_request`: 16 bytes.
    @inlinable public static var wordsPerRequest: Int { 4 }
    /// `struct xen_netif_ctrl_response`: 12 bytes.
    @inlinable public static var wordsPerResponse: Int { 3 }
    /// 252 slots fit in the page; 128 is the power of two below.
    @inlinable public static var slotCount: UInt32 { 128 }
}
