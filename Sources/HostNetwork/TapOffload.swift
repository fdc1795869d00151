// SPDX-License-Identifier: Apache-2.0

/// What a TAP's reader is ready to finish itself; the kernel does the rest before it hands a frame
/// over. Segmentation needs `checksum` beside it. Corresponds to the `TUN_F_` flags.
public struct TapOffload: OptionSet, Sendable {
    /// The bits `TUNSETOFFLOAD` takes.
    public let rawValue: UInt32

    /// Wraps bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Frames may come with their TCP or UDP sum unfinished. Corresponds to `TUN_F_CSUM`.
    public static let checksum = TapOffload(rawValue: 1)
    /// TCP over IPv4 may come unsegmented. Corresponds to `TUN_F_TSO4`.
    public static let segmentationIPv4 = TapOffload(rawValue: 2)
    /// TCP over IPv6 may come unsegmented. Corresponds to `TUN_F_TSO6`.
    public static let segmentationIPv6 = TapOffload(rawValue: 4)
    /// All of them.
    public static let all: TapOffload = [.checksum, .segmentationIPv4, .segmentationIPv6]
}
