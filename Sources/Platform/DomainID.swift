// SPDX-License-Identifier: Apache-2.0

/// A domain. Corresponds to `domid_t`.
public struct DomainID: Hashable, Sendable, CustomStringConvertible {
    /// The number on the wire.
    public var rawValue: UInt16

    /// Wraps a number.
    @inlinable
    public init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// The control domain, dom0.
    public static let control = DomainID(0)
    /// The first value that is not a real domain. Corresponds to `DOMID_FIRST_RESERVED`.
    public static let firstReserved = DomainID(0x7FF0)

    /// As an operator reads it in a log.
    public var description: String { "\(rawValue)" }
}
