// SPDX-License-Identifier: Apache-2.0

/// An entry of some domain's grant table. Corresponds to `grant_ref_t`.
public struct GrantReference: Hashable, Sendable, CustomStringConvertible {
    /// The number on the wire.
    public var rawValue: UInt32

    /// Wraps a number.
    @inlinable
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// As an operator reads it in a log.
    public var description: String { "\(rawValue)" }
}
