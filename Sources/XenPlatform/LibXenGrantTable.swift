// SPDX-License-Identifier: Apache-2.0
public import CXen
import Glibc
public import Platform

/// An open /dev/xen/gntdev, with the memory that one batch of copies needs.
///
/// SAFETY: `handle` comes from xengnttab_open and is closed in deinit alone; `segments` holds
/// `segmentsMax` elements from init to deinit.
@safe
@usableFromInline struct LibXenGrantTable: ~Copyable {
    /// Segments of one call; gntdev takes any number and cuts it into hypercalls of 16.
    @inlinable static var segmentsMax: Int { 256 }

    @usableFromInline let handle: OpaquePointer
    @usableFromInline let segments: UnsafeMutablePointer<xengnttab_grant_copy_segment_t>

    init() throws(PlatformError) {
        guard let handle = unsafe xengnttab_open(nil, 0) else {
            throw PlatformError("xengnttab_open", errno: errno)
        }
        unsafe self.handle = handle
        unsafe segments = .allocate(capacity: Self.segmentsMax)
        unsafe segments.initialize(
            repeating: xengnttab_grant_copy_segment_t(), count: Self.segmentsMax)
    }

    deinit {
        unsafe segments.deallocate()
        unsafe xengnttab_close(handle)
    }

    func map(
        _ reference: GrantReference, of domain: DomainID
    ) throws(PlatformError) -> MappedPages {
        let address = unsafe xengnttab_map_grant_ref(
            handle, UInt32(domain.rawValue), reference.rawValue, PROT_READ | PROT_WRITE)
        guard let address = unsafe address else {
            throw PlatformError("xengnttab_map_grant_ref", errno: errno)
        }
        return unsafe MappedPages(at: address, pageCount: 1, handle: 0)
    }

    func unmap(_ pages: consuming MappedPages) throws(PlatformError) {
        let result = unsafe xengnttab_unmap(handle, pages.base, UInt32(pages.pageCount))
        let code = errno
        pages.relinquish()
        if result != 0 { throw PlatformError("xengnttab_unmap", errno: code) }
    }

    @inlinable
    func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws(PlatformError) {
        var done = 0
        while done < batch.count {
            let count = min(batch.count - done, Self.segmentsMax)
            for position in 0..<count {
                let operation = batch[done + position]
                unsafe fill(segments + position, operation, direction, arena)
            }
            guard unsafe cxen_grant_copy(handle, UInt32(count), segments) == 0 else {
                throw PlatformError("xengnttab_grant_copy", errno: cxen_errno())
            }
            for position in 0..<count {
                batch.setStatus(unsafe segments[position].status, at: done + position)
            }
            done += count
        }
    }

    @inlinable
    func fill(
        _ segment: UnsafeMutablePointer<xengnttab_grant_copy_segment_t>,
        _ operation: GrantCopyOperation,
        _ direction: GrantCopyDirection, _ arena: borrowing PageArena
    ) {
        // The segment's unions are filled in C, where that is free of accessors.
        let address = unsafe arena.address(
            of: operation.arenaOffset, count: Int(operation.count))
        unsafe cxen_fill_segment(
            segment, operation.domain.rawValue, operation.reference.rawValue,
            operation.pageOffset, operation.count, address, direction == .toGuest ? 1 : 0)
    }
}
