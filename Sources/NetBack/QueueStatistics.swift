// SPDX-License-Identifier: Apache-2.0

/// What one queue did, counted by its worker alone. Tx and Rx are the frontend's.
public struct QueueStatistics: Equatable, Sendable {
    /// Frames from the guest that the host took.
    public var transmitPackets: UInt64 = 0
    /// Their bytes.
    public var transmitBytes: UInt64 = 0
    /// Ring slots taken from the guest, extras included.
    public var transmitSlots: UInt64 = 0
    /// Packets answered with an error because their slots broke a rule.
    public var transmitInvalid: UInt64 = 0
    /// Packets answered with an error because a grant copy failed.
    public var transmitCopyFailures: UInt64 = 0
    /// Packets answered with an error because the host refused the frame.
    public var transmitRefused: UInt64 = 0
    /// Segmented packets whose missing pseudo-header sum was mended.
    public var transmitChecksumMended: UInt64 = 0
    /// Frames from the host that the guest was given.
    public var receivePackets: UInt64 = 0
    /// Their bytes.
    public var receiveBytes: UInt64 = 0
    /// Ring slots used for them, extras included.
    public var receiveSlots: UInt64 = 0
    /// Frames lost because a grant copy failed.
    public var receiveCopyFailures: UInt64 = 0
    /// Frames dropped because they were larger than any packet may be.
    public var receiveOversized: UInt64 = 0
    /// Times that frames waited and the guest had too few buffers posted.
    public var receiveStarved: UInt64 = 0
    /// Event-channel notifications sent to the guest.
    public var notifications: UInt64 = 0
    /// Event-channel notifications taken from the guest.
    public var events: UInt64 = 0

    /// Starts at zero.
    public init() {}

    /// Adds another half's or queue's counters.
    public mutating func add(_ other: QueueStatistics) {
        transmitPackets += other.transmitPackets
        transmitBytes += other.transmitBytes
        transmitSlots += other.transmitSlots
        transmitInvalid += other.transmitInvalid
        transmitCopyFailures += other.transmitCopyFailures
        transmitRefused += other.transmitRefused
        transmitChecksumMended += other.transmitChecksumMended
        receivePackets += other.receivePackets
        receiveBytes += other.receiveBytes
        receiveSlots += other.receiveSlots
        receiveCopyFailures += other.receiveCopyFailures
        receiveOversized += other.receiveOversized
        receiveStarved += other.receiveStarved
        notifications += other.notifications
        events += other.events
    }

    /// Every counter with the name it has in logs, in a fixed order.
    public var named: [(name: String, value: UInt64)] {
        [
            ("tx_packets", transmitPackets), ("tx_bytes", transmitBytes),
            ("tx_slots", transmitSlots), ("tx_invalid", transmitInvalid),
            ("tx_copy_failures", transmitCopyFailures), ("tx_refused", transmitRefused),
            ("tx_checksum_mended", transmitChecksumMended), ("rx_packets", receivePackets),
            ("rx_bytes", receiveBytes), ("rx_slots", receiveSlots),
            ("rx_copy_failures", receiveCopyFailures), ("rx_oversized", receiveOversized),
            ("rx_starved", receiveStarved), ("notifications", notifications), ("events", events),
        ]
    }
}
