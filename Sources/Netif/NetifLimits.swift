// SPDX-License-Identifier: Apache-2.0

/// Every bound of the packet path, with its source.
public enum NetifLimits {
    /// Data slots that a packet from a guest may have. Corresponds to `XEN_NETIF_NR_SLOTS_MIN`
    /// (netif.h): the number of which every pair of ends is known to be capable.
    @inlinable public static var slotsPerPacketMax: Int { 18 }
    /// Data slots from which a packet is taken for an attack instead of a mistake.
    /// The default of Linux's module parameter `fatal_skb_slots`.
    @inlinable public static var slotsPerPacketFatal: Int { 20 }
    /// Extra infos of one packet: one of each type that netif.h knows
    /// (`XEN_NETIF_EXTRA_TYPE_MAX - 1`). A longer chain must repeat itself.
    @inlinable public static var extrasPerPacketMax: Int { 4 }
    /// Slots that an answered or forwarded packet may have: what a journal must hold.
    @inlinable public static var answersPerPacketMax: Int {
        slotsPerPacketFatal - 1 + extrasPerPacketMax
    }
    /// Destination, source and type: less is not a frame. Linux's `ETH_HLEN`.
    @inlinable public static var ethernetHeaderSize: Int { 14 }
    /// Bytes in a granted page. Corresponds to `XEN_PAGE_SIZE`.
    @inlinable public static var pageSize: Int { 4096 }
    /// Bytes of the largest frame: sizes are 16 bits. Corresponds to `XEN_NETIF_MAX_TX_SIZE`.
    @inlinable public static var frameSizeMax: Int { 65_535 }
    /// Receive slots of the largest frame, its extra info included.
    @inlinable public static var receiveSlotsMax: Int {
        (frameSizeMax + pageSize - 1) / pageSize + 1
    }
    /// Smallest extra type that netif.h does not know. Corresponds to `XEN_NETIF_EXTRA_TYPE_MAX`.
    @inlinable public static var extraTypeEnd: UInt8 { 5 }
    /// Bytes at the start of a frame within which headers are looked for: room for Ethernet, two
    /// tags, IPv4 or IPv6 with options and TCP with options.
    @inlinable public static var headerWindow: Int { 256 }
    /// IPv6 extension headers that are followed before giving up; RFC 8200 foresees one of each
    /// kind and destination options twice.
    @inlinable public static var extensionHeadersMax: Int { 8 }
}
