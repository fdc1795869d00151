// SPDX-License-Identifier: Apache-2.0

/// What a frontend said in xenstore that it understands.
public struct FrontendFeatures: OptionSet, Sendable {
    /// Ours, not a wire format: the journal keeps it.
    public var rawValue: UInt32

    /// Takes the bits as they are.
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// True when all features of `member` are there; concrete for the packet path's sake.
    @inlinable
    public func contains(_ member: FrontendFeatures) -> Bool {
        rawValue & member.rawValue == member.rawValue
    }

    /// Packets of more than one slot (`feature-sg`).
    @inlinable public static var scatterGather: FrontendFeatures { .init(rawValue: 1 << 0) }
    /// Large TCP packets over IPv4 (`feature-gso-tcpv4`).
    @inlinable public static var segmentationTCPv4: FrontendFeatures { .init(rawValue: 1 << 1) }
    /// Large TCP packets over IPv6 (`feature-gso-tcpv6`).
    @inlinable public static var segmentationTCPv6: FrontendFeatures { .init(rawValue: 1 << 2) }
    /// Blank checksums over IPv4 (no `feature-no-csum-offload`).
    @inlinable public static var checksumIPv4: FrontendFeatures { .init(rawValue: 1 << 3) }
    /// Blank checksums over IPv6 (`feature-ipv6-csum-offload`).
    @inlinable public static var checksumIPv6: FrontendFeatures { .init(rawValue: 1 << 4) }
    /// Data is copied into its pages (`request-rx-copy`); we refuse frontends without it.
    @inlinable public static var receiveCopy: FrontendFeatures { .init(rawValue: 1 << 5) }
    /// It notifies when it posts buffers (`feature-rx-notify`).
    @inlinable public static var receiveNotify: FrontendFeatures { .init(rawValue: 1 << 6) }

    /// What a frontend that writes no key at all understands.
    @inlinable public static var defaults: FrontendFeatures { .checksumIPv4 }

    /// Notes the value of a key; false when the key names no feature.
    ///
    /// Knows that `feature-no-csum-offload` means the opposite of the others.
    public mutating func note(_ key: String, isSet: Bool) -> Bool {
        let feature: FrontendFeatures
        var value = isSet
        switch key {
        case NetifKey.featureSG: feature = .scatterGather
        case NetifKey.featureGSOTCPv4: feature = .segmentationTCPv4
        case NetifKey.featureGSOTCPv6: feature = .segmentationTCPv6
        case NetifKey.featureNoChecksumOffload: (feature, value) = (.checksumIPv4, !isSet)
        case NetifKey.featureIPv6ChecksumOffload: feature = .checksumIPv6
        case NetifKey.requestRxCopy: feature = .receiveCopy
        case NetifKey.featureRxNotify: feature = .receiveNotify
        default: return false
        }
        if value { insert(feature) } else { remove(feature) }
        return true
    }

    /// True when the frontend takes such a packet whole.
    @inlinable
    public func allow(_ offload: SegmentationOffload) -> Bool {
        switch offload.kind {
        case .tcpv4: contains(.segmentationTCPv4)
        case .tcpv6: contains(.segmentationTCPv6)
        }
    }
}
