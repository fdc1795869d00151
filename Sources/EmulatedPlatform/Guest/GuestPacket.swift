// SPDX-License-Identifier: Apache-2.0
public import Platform

/// A packet to the guest, where the backend left it in the guest's pages.
public struct GuestPacket: Sendable {
    /// The pieces; offsets in bytes from the start of the guest's page 0.
    public internal(set) var fragments = FrameFragments()
    /// Checksum and segmentation left to do.
    public internal(set) var header = VnetHeader()
    /// Bytes in all pieces.
    public internal(set) var size = 0

    /// Holds nothing yet.
    public init() {}
}
