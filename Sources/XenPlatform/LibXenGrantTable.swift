// SPDX-License-Identifier: Apache-2.0
import CXen
import Glibc
import Platform

/// An open /dev/xen/gntdev, with the memory that one batch of copies needs.
///
/// SAFETY: `handle` comes from xengnttab_open and is closed in deinit alone; `segments` holds
/// `segmentsMax` elements from init to deinit.
@safe
struct LibXenGrantTable: ~Copyable {
    /// Segments of one call; gntdev takes any number and cuts it into hypercalls of 16.
    static var segmentsMax: Int { 256 }

    private let handle: OpaquePointer
    private let segments: UnsafeMutablePointer<xengnttab_grant_copy_segment_t>

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

    func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws(PlatformError) {
        var done = 0
        while done < batch.count {
            let count = min(batch.count - done, Self.segmentsMax)
            for position in 0..<count {
                let operation = batch[done + position]
                unsafe fill(&segments[position], operation, direction, arena)
            }
            guard unsafe xengnttab_grant_copy(handle, UInt32(count), segments) == 0 else {
                throw PlatformError("xengnttab_grant_copy", errno: errno)
            }
            for position in 0..<count {
                batch.setStatus(unsafe segments[position].status, at: done + position)
            }
            done += count
        }
    }

    private func fill(
        _ segment: inout xengnttab_grant_copy_segment_t, _ operation: GrantCopyOperation,
        _ direction: GrantCopyDirection, _ arena: borrowing PageArena
    ) {
        let address = unsafe arena.address(
            of: operation.arenaOffset, count: Int(operation.count))
        unsafe segment.len = operation.count
        unsafe segment.status = Int16(GNTST_general_error)
        switch direction {
        case .fromGuest:
            unsafe segment.flags = UInt16(GNTCOPY_source_gref)
            unsafe segment.source.foreign.ref = operation.reference.rawValue
            unsafe segment.source.foreign.offset = operation.pageOffset
            unsafe segment.source.foreign.domid = operation.domain.rawValue
            unsafe segment.dest.virt = address
        case .toGuest:
            unsafe segment.flags = UInt16(GNTCOPY_dest_gref)
            unsafe segment.dest.foreign.ref = operation.reference.rawValue
            unsafe segment.dest.foreign.offset = operation.pageOffset
            unsafe segment.dest.foreign.domid = operation.domain.rawValue
            unsafe segment.source.virt = address
        }
    }
}
