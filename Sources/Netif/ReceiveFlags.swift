// SPDX-License-Identifier: Apache-2.0

/// Flags of a receive response. Corresponds to `NETRXF_*`.
///
/// Bits 0 and 1 mean the opposite of what they mean in `TransmitFlags`.
public struct ReceiveFlags: OptionSet, Sendable {
    /// The flags as they stand in the slot; unknown bits are kept.
    public var rawValue: UInt16

    /// Takes the bits as they are.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// True when all flags of `member` are set. Concrete, where the standard library's is generic
    /// and not free of hidden costs in debug builds.
    @inlinable
    public func contains(_ member: ReceiveFlags) -> Bool {
        rawValue & member.rawValue == member.rawValue
    }

    /// The payload need not be checked again. Corresponds to `NETRXF_data_validated`.
    @inlinable public static var dataValidated: ReceiveFlags { ReceiveFlags(rawValue: 1) }
    /// The TCP or UDP checksum field holds the pseudo-header sum only.
    /// Corresponds to `NETRXF_csum_blank`.
    @inlinable public static var checksumBlank: ReceiveFlags { ReceiveFlags(rawValue: 2) }
    /// The packet goes on in another slot. Corresponds to `NETRXF_more_data`.
    @inlinable public static var moreData: ReceiveFlags { ReceiveFlags(rawValue: 4) }
    /// Extra infos follow this slot. Corresponds to `NETRXF_extra_info`.
    @inlinable public static var extraInfo: ReceiveFlags { ReceiveFlags(rawValue: 8) }
}
