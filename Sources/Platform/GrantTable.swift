// SPDX-License-Identifier: Apache-2.0

/// What a backend asks of the grant table. One value serves one thread.
public protocol GrantTable: ~Copyable {
    /// Maps one granted page for reading and writing. Only ring pages are mapped, ever.
    ///
    /// - Throws: `PlatformError` when the grant does not exist or is not for us.
    mutating func map(
        _ reference: GrantReference, of domain: DomainID
    ) throws(PlatformError) -> MappedPages

    /// Gives a mapping back.
    mutating func unmap(_ pages: consuming MappedPages) throws(PlatformError)

    /// Performs the whole batch; each operation gets a status of its own. A failed operation
    /// leaves its bytes undefined and disturbs no other.
    ///
    /// - Throws: `PlatformError` only when the service itself failed and no status is valid.
    mutating func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws(PlatformError)
}
