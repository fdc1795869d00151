// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Platform
import SharedMemory

/// A guest of plain memory: pages, and a grant table that only remembers.
@safe
final class FakeGuest: GuestMemory {
    private let arena: PageArena
    private(set) var grants: [UInt32: (page: Int, domain: DomainID, readOnly: Bool)] = [:]
    /// Grants that the backend pretends to have mapped.
    var held: Set<UInt32> = []

    init(pageCount: Int = 800) { arena = PageArena(pageCount: pageCount) }

    var pageCount: Int { arena.size / PageArena.pageSize }

    func words(ofPage page: Int) -> MappedWords {
        // SAFETY: the test keeps the guest for as long as its rings.
        unsafe MappedWords(at: address(ofPage: page), wordCount: 1024)
    }

    @unsafe
    func address(ofPage page: Int) -> UnsafeMutableRawPointer {
        unsafe arena.address(of: page * PageArena.pageSize, count: PageArena.pageSize)
    }

    func grant(_ reference: GrantReference, page: Int, to domain: DomainID, readOnly: Bool) {
        precondition(grants[reference.rawValue] == nil, "a grant in use is granted anew")
        grants[reference.rawValue] = (page, domain, readOnly)
    }

    func endAccess(_ reference: GrantReference) -> Bool {
        if held.contains(reference.rawValue) { return false }
        precondition(grants[reference.rawValue] != nil, "a grant is ended twice")
        grants[reference.rawValue] = nil
        return true
    }

    /// Where the bytes of a granted page are, for a backend's copy.
    func offset(of reference: UInt32, toWrite: Bool) -> Int? {
        guard let entry = grants[reference], !(toWrite && entry.readOnly) else {
            return nil
        }
        return entry.page * PageArena.pageSize
    }

    func bytes(at offset: Int, count: Int) -> [UInt8] {
        // SAFETY: the arena checks the range.
        unsafe [UInt8](
            UnsafeRawBufferPointer(start: arena.address(of: offset, count: count), count: count))
    }

    func setBytes(_ bytes: [UInt8], at offset: Int) {
        // SAFETY: the arena checks the range.
        unsafe bytes.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(
                start: arena.address(of: offset, count: bytes.count), count: bytes.count
            ).copyMemory(from: source)
        }
    }
}
