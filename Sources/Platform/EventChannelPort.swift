// SPDX-License-Identifier: Apache-2.0

/// One end of an event channel, within its own domain. Corresponds to `evtchn_port_t`.
public struct EventChannelPort: Hashable, Sendable, CustomStringConvertible {
    /// The number on the wire.
    public var rawValue: UInt32

    /// Wraps a number.
    @inlinable
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// As an operator reads it in a log.
    public var description: String { "\(rawValue)" }
}
