// SPDX-License-Identifier: Apache-2.0
internal import Platform
internal import SharedMemory

/// A domain's memory and grant table as another domain reaches them: only through a grant.
/// A view, not an owner: whoever keeps the mappings keeps it.
@safe
struct GrantedMemory {
    private let memory: UnsafeMutableRawPointer
    private let pageCount: UInt32
    private let grants: MappedWords

    /// SAFETY: the caller keeps `pageCount` pages at `memory` and the table mapped for as long as
    /// the view is used.
    @unsafe
    init(memory: UnsafeMutableRawPointer, pageCount: UInt32, grants: MappedWords) {
        unsafe self.memory = memory
        self.pageCount = pageCount
        self.grants = grants
    }

    /// Performs one grant copy on behalf of `caller` and returns its `GNTST_` code.
    ///
    /// The guest may rewrite the entry and the page at any moment: every field is loaded once and
    /// only the loaded value is checked and used, so that at worst it gets other bytes of its own.
    @_noAllocation @_noLocks
    func copy(
        _ operation: GrantCopyOperation, _ direction: GrantCopyDirection, caller: DomainID,
        arena: borrowing PageArena
    ) -> Int16 {
        guard let word = GrantEntry.word(of: operation.reference) else {
            return GrantStatus.badReference
        }
        // acquire: pairs with the release in the guest's `grant`; the page number is visible.
        let header = grants.loadAcquire(at: word)
        // relaxed: ordered by the load above, and checked as a value.
        let frame = grants.loadRelaxed(at: word + 1)
        let writing =
            switch direction {
            case .fromGuest: false
            case .toGuest: true
            }
        guard GrantEntry.permits(header, caller: caller, writing: writing) else {
            return GrantStatus.generalError
        }
        guard frame < pageCount else { return GrantStatus.badPage }
        let offset = Int(operation.pageOffset)
        let count = Int(operation.count)
        guard offset + count <= PageArena.pageSize else { return GrantStatus.badCopyArgument }
        // SAFETY: `frame` and the byte range within the page were checked just above, the arena
        // checks its own side; the initialiser's caller keeps the memory mapped. The guest may
        // write the page meanwhile: bytes are moved, never interpreted here.
        let page = unsafe memory + (Int(frame) * PageArena.pageSize + offset)
        let local = unsafe arena.address(of: operation.arenaOffset, count: count)
        if writing {
            unsafe page.copyMemory(from: local, byteCount: count)
        } else {
            unsafe local.copyMemory(from: page, byteCount: count)
        }
        return GrantStatus.okay
    }
}
