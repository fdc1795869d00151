// SPDX-License-Identifier: Apache-2.0

/// What the guest must know of a frame that is delivered to it.
public struct ReceivePacket: Equatable, Sendable {
    /// Bytes of the frame, 1 to `NetifLimits.frameSizeMax`.
    public let size: Int
    /// The TCP or UDP checksum field holds the pseudo-header sum only.
    public let checksumBlank: Bool
    /// The payload need not be checked again.
    public let dataValidated: Bool
    /// What is left to segment; nil for a packet of ordinary size.
    public let offload: SegmentationOffload?

    /// Takes the parts as they are.
    @inlinable
    public init(
        size: Int, checksumBlank: Bool = false, dataValidated: Bool = false,
        offload: SegmentationOffload? = nil
    ) {
        self.size = size
        self.checksumBlank = checksumBlank
        self.dataValidated = dataValidated
        self.offload = offload
    }

    /// True when an extra info goes with the packet.
    @inlinable
    public var hasExtra: Bool {
        guard case .some = offload else { return false }
        return true
    }

    /// Slots that the packet takes in the receive ring; none for an empty frame.
    @inlinable
    public var slotCount: Int {
        PacketSplitter.slotCount(size: size, hasExtra: hasExtra)
    }
}
