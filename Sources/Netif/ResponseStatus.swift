// SPDX-License-Identifier: Apache-2.0

/// Values of `status` in responses. Corresponds to `NETIF_RSP_*`.
public enum ResponseStatus {
    /// The request was done. Corresponds to `NETIF_RSP_OKAY`.
    @inlinable public static var okay: Int16 { 0 }
    /// No answer: the slot held an extra info. Corresponds to `NETIF_RSP_NULL`.
    @inlinable public static var null: Int16 { 1 }
    /// The request was wrong or failed. Corresponds to `NETIF_RSP_ERROR`.
    @inlinable public static var error: Int16 { -1 }
    /// The packet was dropped. Corresponds to `NETIF_RSP_DROPPED`.
    @inlinable public static var dropped: Int16 { -2 }
}
