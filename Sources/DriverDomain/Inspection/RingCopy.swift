// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import SharedMemory
import XenPlatform

/// Copies of ring pages, each made through a handle for the occasion: the workers' are theirs.
enum RingCopy {
    /// The 4096 bytes behind a grant, which is mapped for as long as that takes.
    ///
    /// - Throws: `PlatformError` when it cannot be mapped.
    static func bytes(
        of reference: GrantReference, from domain: DomainID, on choice: HypervisorChoice
    ) throws(PlatformError) -> [UInt8] {
        switch choice {
        case .xen:
            var hypervisor = try XenHypervisor()
            return try bytes(of: reference, from: domain, through: &hypervisor)
        case .emulated(let socket):
            var hypervisor = try EmulatedHypervisor(socket: socket)
            return try bytes(of: reference, from: domain, through: &hypervisor)
        }
    }

    /// The same, through a handle that the caller has.
    static func bytes<H: Hypervisor & ~Copyable>(
        of reference: GrantReference, from domain: DomainID, through hypervisor: inout H
    ) throws(PlatformError) -> [UInt8] {
        let pages = try hypervisor.map(reference, of: domain)
        // SAFETY: the grant table mapped one page, and the view is used before it is unmapped.
        let words = unsafe MappedWords(at: pages.base, wordCount: 1024)
        let bytes = words.bytes(count: 1024)
        try hypervisor.unmap(pages)
        return bytes
    }
}

extension MappedWords {
    /// The first words as bytes, the lowest of each word first.
    func bytes(count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * count)
        for position in 0..<count {
            let word = loadRelaxed(at: position)
            for byte in 0..<4 {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(8 * byte)))
            }
        }
        return bytes
    }
}
