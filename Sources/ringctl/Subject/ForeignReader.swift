// SPDX-License-Identifier: Apache-2.0
import Platform
import XenPlatform

/// Reads ring pages as dom0, whoever they are granted to.
final class ForeignReader {
    private let memory: ForeignMemory

    init() throws(PlatformError) { memory = try ForeignMemory() }

    /// Copies the page behind a guest's grant.
    ///
    /// - Throws: `PlatformError`; EPERM outside of dom0.
    func page(
        of reference: GrantReference, from domain: DomainID
    ) throws(PlatformError) -> CopiedWords {
        CopiedWords(try memory.words(of: reference, from: domain))
    }
}
