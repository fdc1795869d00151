// SPDX-License-Identifier: Apache-2.0
import Platform
import Ring
import SharedMemory

extension Hypervisor where Self: ~Copyable {
    /// Copies the ring page behind a grant; it is mapped for just as long as that takes.
    ///
    /// - Throws: `PlatformError` when the grant does not exist or is not for us.
    mutating func image<Format: RingFormat>(
        _ format: Format.Type, of reference: GrantReference, from domain: DomainID
    ) throws(PlatformError) -> RingImage<Format> {
        let pages = try map(reference, of: domain)
        // SAFETY: the grant table mapped one page, and the view is used before it is unmapped.
        let words = unsafe MappedWords(at: pages.base, wordCount: RingLayout.pageWordCount)
        let image = RingImage<Format>(reading: words)
        try unmap(pages)
        return image
    }
}
