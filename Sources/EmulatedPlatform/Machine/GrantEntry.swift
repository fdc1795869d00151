// SPDX-License-Identifier: Apache-2.0
internal import Platform
internal import SharedMemory

/// One entry of a grant table: word 0 holds flags (low half) and the grantee's domid (high half),
/// word 1 the page number. The guest writes both with plain stores, the machine only ever sets
/// and clears the two in-use bits. Corresponds to `struct grant_entry_v1`.
enum GrantEntry {
    /// Entries of every table: Xen's default of 64 frames.
    static var count: Int { 32768 }
    /// Pages one table takes.
    static var tablePageCount: Int { 64 }

    /// `GTF_permit_access`.
    static var permitAccess: UInt32 { 1 }
    /// `GTF_type_mask`.
    static var typeMask: UInt32 { 3 }
    /// `GTF_readonly`.
    static var readOnly: UInt32 { 1 << 2 }
    /// `GTF_reading` and `GTF_writing`: the page is mapped by the grantee.
    static var inUse: UInt32 { 1 << 3 | 1 << 4 }

    /// The first word of an entry that grants.
    static func header(for domain: DomainID, readOnly: Bool) -> UInt32 {
        permitAccess | (readOnly ? GrantEntry.readOnly : 0) | UInt32(domain.rawValue) << 16
    }

    /// Which word of the table holds an entry's flags; nil outside of the table.
    @_noAllocation @_noLocks
    static func word(of reference: GrantReference) -> Int? {
        reference.rawValue < UInt32(count) ? Int(reference.rawValue) * 2 : nil
    }

    /// Whether `header` lets `caller` read (and write) the page.
    @_noAllocation @_noLocks
    static func permits(_ header: UInt32, caller: DomainID, writing: Bool) -> Bool {
        header & typeMask == permitAccess && header >> 16 == UInt32(caller.rawValue)
            && !(writing && header & readOnly != 0)
    }

    /// Fills an entry, as the guest that owns the table. Caller: guest.
    static func grant(
        _ reference: GrantReference, frame: UInt32, to domain: DomainID, readOnly: Bool,
        in table: MappedWords
    ) {
        guard let word = word(of: reference) else {
            preconditionFailure("a grant reference outside of the table")
        }
        // relaxed: ordered by the release below.
        table.storeRelaxed(frame, at: word + 1)
        // release: pairs with the acquire in GrantedMemory.copy and Machine.map, which see the
        // page number and what the guest wrote to the page.
        table.storeRelease(header(for: domain, readOnly: readOnly), at: word)
    }

    /// Empties an entry unless it is in use, as the guest that owns the table. Caller: guest.
    static func endAccess(_ reference: GrantReference, in table: MappedWords) -> Bool {
        guard let word = word(of: reference) else {
            preconditionFailure("a grant reference outside of the table")
        }
        while true {
            let header = table.loadAcquire(at: word)
            if header & inUse != 0 { return false }
            // Fails only if the machine set the in-use bits meanwhile: look again.
            if table.compareExchange(expected: header, desired: 0, at: word) { return true }
        }
    }
}
