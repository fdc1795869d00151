// SPDX-License-Identifier: Apache-2.0
public import Platform

/// Checks of what a backend asks of the hypervisor. The raw value is the sentence that holds.
public protocol PlatformCheck: CaseIterable, Sendable, RawRepresentable<String> {
    /// Tries it; throws a `ProofFailure` or the platform's own error.
    func run<H: Hypervisor & ~Copyable, P: GrantingPeer>(
        _ hypervisor: inout H, _ peer: P
    ) throws
}
