// SPDX-License-Identifier: Apache-2.0
import Platform

/// On whose behalf a request is judged: a domain and, for a device model, the domain it serves.
struct StoreAccess: Sendable {
    var domain: DomainID
    /// Whose rights it has besides its own. Set by SET_TARGET.
    var target: DomainID?

    /// The control domain may do everything and has no quota.
    var isPrivileged: Bool { domain == .control }

    func owns(_ permissions: [StorePermission]) -> Bool {
        isPrivileged || permissions.first.map { isSelf($0.domain) } ?? false
    }

    func mayRead(_ permissions: [StorePermission]) -> Bool {
        owns(permissions) || entry(of: permissions)?.mayRead ?? false
    }

    func mayWrite(_ permissions: [StorePermission]) -> Bool {
        owns(permissions) || entry(of: permissions)?.mayWrite ?? false
    }

    /// The first entry speaks for everyone who has none of his own.
    private func entry(of permissions: [StorePermission]) -> StorePermission? {
        permissions.dropFirst().first { isSelf($0.domain) } ?? permissions.first
    }

    private func isSelf(_ other: DomainID) -> Bool { other == domain || other == target }
}
