// SPDX-License-Identifier: Apache-2.0

/// What the guest must know of a frame that is delivered to it.
public struct ReceivePacket: Equatable, Sendable {
    /// Bytes of the frame, 1 to `NetifLimits.frameSizeMax`.
    public var size: Int
    /// The TCP or UDP checksum field holds the pseudo-header sum only.
    public var checksumBlank: Bool
    /// The payload need not be checked again.
    public var dataValidated: Bool
    // The type is written out because the short form's implied nil cannot be inlined.
    /// What is left to segment; nil for a packet of ordinary size.
    public var offload: Optional<SegmentationOffload>

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
