// SPDX-License-Identifier: Apache-2.0

/// One piece of memory to copy between a page that a guest granted and our arena.
/// Corresponds to `xengnttab_grant_copy_segment_t`.
public struct GrantCopyOperation: Sendable {
    /// The domain that granted the page.
    public var domain: DomainID
    /// Its grant.
    public var reference: GrantReference
    /// Where in the granted page, in bytes; `pageOffset + count` stays within 4096.
    public var pageOffset: UInt16
    /// How many bytes.
    public var count: UInt16
    /// Where in the arena, in bytes.
    public var arenaOffset: Int
    /// What became of it: `GNTST_okay` (0) or a negative `GNTST_` code (xen/grant_table.h).
    public var status: Int16

    /// Takes the parts as they are.
    @inlinable
    public init(
        domain: DomainID, reference: GrantReference, pageOffset: UInt16, count: UInt16,
        arenaOffset: Int
    ) {
        self.domain = domain
        self.reference = reference
        self.pageOffset = pageOffset
        self.count = count
        self.arenaOffset = arenaOffset
        status = 0
    }
}

/// Which way a batch of grant copies goes.
public enum GrantCopyDirection: UInt8, Sendable {
    /// From granted pages into the arena. Corresponds to `GNTCOPY_source_gref`.
    case fromGuest
    /// From the arena into granted pages. Corresponds to `GNTCOPY_dest_gref`.
    case toGuest
}

/// A list of grant copies of fixed capacity, allocated once and reused every turn.
public typealias GrantCopyBatch = FixedBuffer<GrantCopyOperation>

extension FixedBuffer<GrantCopyOperation> {
    /// Makes an empty batch with room for `capacity` operations.
    public init(capacity: Int) {
        self.init(
            capacity: capacity,
            filler: GrantCopyOperation(
                domain: DomainID(0), reference: GrantReference(0), pageOffset: 0, count: 0,
                arenaOffset: 0))
    }

    /// Records what became of an operation.
    @inlinable @inline(__always)
    public mutating func setStatus(_ status: Int16, at position: Int) {
        self[position].status = status
    }
}
