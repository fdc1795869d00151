// SPDX-License-Identifier: Apache-2.0

/// Flags of a transmit request. Corresponds to `NETTXF_*`.
///
/// Bits 0 and 1 mean the opposite of what they mean in `ReceiveFlags`.
public struct TransmitFlags: OptionSet, Sendable {
    /// The flags as they stand in the slot; unknown bits are kept.
    public var rawValue: UInt16

    /// Takes the bits as they are.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// True when all flags of `member` are set. Concrete, where the standard library's is generic
    /// and not free of hidden costs in debug builds.
    @inlinable
    public func contains(_ member: TransmitFlags) -> Bool {
        rawValue & member.rawValue == member.rawValue
    }

    /// The TCP or UDP checksum field holds the pseudo-header sum only.
    /// Corresponds to `NETTXF_csum_blank`.
    @inlinable public static var checksumBlank: TransmitFlags { TransmitFlags(rawValue: 1) }
    /// The frontend vouches for the payload. Corresponds to `NETTXF_data_validated`.
    @inlinable public static var dataValidated: TransmitFlags { TransmitFlags(rawValue: 2) }
    /// The packet goes on in another slot. Corresponds to `NETTXF_more_data`.
    @inlinable public static var moreData: TransmitFlags { TransmitFlags(rawValue: 4) }
    /// Extra infos follow this slot. Corresponds to `NETTXF_extra_info`.
    @inlinable public static var extraInfo: TransmitFlags { TransmitFlags(rawValue: 8) }
}
