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
public enum GrantCopyDirection: Sendable {
    /// From granted pages into the arena. Corresponds to `GNTCOPY_source_gref`.
    case fromGuest
    /// From the arena into granted pages. Corresponds to `GNTCOPY_dest_gref`.
    case toGuest
}

/// A list of grant copies of fixed capacity, allocated once and reused every turn.
@safe
public struct GrantCopyBatch: ~Copyable {
    /// Most operations in one batch.
    public let capacity: Int
    /// Operations appended since the last `removeAll()`.
    public var count: Int = 0
    @usableFromInline let operations: UnsafeMutablePointer<GrantCopyOperation>

    /// Takes the parts as they are.
    public init(capacity: Int) {
        self.capacity = capacity
        unsafe operations = .allocate(capacity: capacity)
    }

    deinit { unsafe operations.deallocate() }

    /// Adds an operation and returns its position. Overfilling is our own bug.
    @inlinable @inline(__always)
    @discardableResult
    public mutating func append(_ operation: GrantCopyOperation) -> Int {
        precondition(count < capacity, "a grant copy batch overflows")
        unsafe (operations + count).initialize(to: operation)
        count += 1
        return count - 1
    }

    /// Empties the batch.
    @inlinable @inline(__always)
    public mutating func removeAll() { count = 0 }

    /// Drops every operation from position `count` on.
    @inlinable @inline(__always)
    public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "a grant copy batch cannot grow")
        self.count = count
    }

    /// The operation at a position.
    @inlinable
    public subscript(position: Int) -> GrantCopyOperation {
        @inline(__always) get {
            precondition(position >= 0 && position < count, "outside of the grant copy batch")
            return unsafe operations[position]
        }
    }

    /// Records what became of an operation.
    @inlinable @inline(__always)
    public mutating func setStatus(_ status: Int16, at position: Int) {
        precondition(position >= 0 && position < count, "outside of the grant copy batch")
        unsafe operations[position].status = status
    }
}
