// SPDX-License-Identifier: Apache-2.0
import Platform
import SharedMemory

/// Reads ring pages as the domain that they are granted to.
final class GrantReader<H: Hypervisor & ~Copyable> {
    private var hypervisor: H

    init(_ hypervisor: consuming H) { self.hypervisor = hypervisor }

    /// Copies the page behind a grant; it is mapped for just as long as that takes.
    ///
    /// - Throws: `PlatformError` when the grant does not exist or is not for us.
    func page(
        of reference: GrantReference, from domain: DomainID
    ) throws(PlatformError) -> CopiedWords {
        let pages = try hypervisor.map(reference, of: domain)
        // SAFETY: the grant table mapped one page, and the view is used before it is unmapped.
        let words = unsafe MappedWords(at: pages.base, wordCount: 1024)
        let copy = CopiedWords(copying: words)
        try hypervisor.unmap(pages)
        return copy
    }
}
