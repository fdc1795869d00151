// SPDX-License-Identifier: Apache-2.0

/// One virtual interface: the guest it belongs to and its number there (`vif1.0`).
public struct VifID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The frontend's domain.
    public var domain: DomainID
    /// The device number within the frontend: the last component of its xenstore path.
    public var device: UInt32

    /// Names the vif by its parts.
    public init(domain: DomainID, device: UInt32) {
        self.domain = domain
        self.device = device
    }

    /// By domain, then by device.
    public static func < (left: VifID, right: VifID) -> Bool {
        (left.domain.rawValue, left.device) < (right.domain.rawValue, right.device)
    }

    /// As an operator reads it in a log.
    public var description: String { "vif\(domain).\(device)" }
}
