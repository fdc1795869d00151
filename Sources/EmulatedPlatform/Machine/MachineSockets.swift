// SPDX-License-Identifier: Apache-2.0
public import Platform

/// Where a domain meets the machine: a folder for each domain in the machine's directory. Whoever
/// connects to a socket there acts as that domain.
public struct MachineSockets: Equatable, Sendable {
    /// The domain's folder.
    public let folder: String

    /// Names the sockets of `domain` below the directory given to `emuxen machine`.
    public init(of domain: DomainID, in directory: String) {
        folder = "\(directory)/dom\(domain)"
    }

    /// Grants and event channels; for dom0, domains too.
    public var hypervisor: String { "\(folder)/hypervisor.sock" }
    /// The store, for libxenstore and Xen's own tools: `XENSTORED_PATH`.
    public var store: String { "\(folder)/xenstored.sock" }
}
