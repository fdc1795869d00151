// SPDX-License-Identifier: Apache-2.0
internal import CXen
import Glibc
public import Platform

/// A guest's granted pages as dom0 may read them, whoever the grants are for: through the guest's
/// own grant table, without a grant of ours, and without the guest or its backend noticing.
///
/// Grant tables of version 1, which Linux uses unless it has more than 16 TB.
///
/// SAFETY: `handle` comes from xenforeignmemory_open and is closed in deinit alone.
@safe
public struct ForeignMemory: ~Copyable {
    private static var pageSize: Int { 4096 }
    /// Bytes of an entry: flags, domain, frame. Corresponds to `struct grant_entry_v1`.
    private static var entrySize: Int { 8 }

    private let handle: OpaquePointer

    /// Opens /dev/xen/privcmd.
    ///
    /// - Throws: `PlatformError`; ENOENT without Xen, EACCES without privilege.
    public init() throws(PlatformError) {
        guard let handle = unsafe xenforeignmemory_open(nil, 0) else {
            throw PlatformError("xenforeignmemory_open", errno: errno)
        }
        unsafe self.handle = handle
    }

    deinit { unsafe xenforeignmemory_close(handle) }

    /// Copies the page behind one of a guest's grants, as words.
    ///
    /// - Throws: `PlatformError`; EPERM outside of dom0, ENOENT when the entry grants nothing.
    public func words(
        of reference: GrantReference, from domain: DomainID
    ) throws(PlatformError) -> [UInt32] {
        let perPage = Self.pageSize / Self.entrySize
        let (page, place) = Int(reference.rawValue).quotientAndRemainder(dividingBy: perPage)
        var table: UnsafeMutableRawPointer?
        let resource = unsafe xenforeignmemory_map_resource(
            handle, domid_t(domain.rawValue), UInt32(CXEN_RESOURCE_GRANT_TABLE), 0, UInt(page), 1,
            &table, PROT_READ, 0)
        guard let resource = unsafe resource, let table = unsafe table else {
            throw PlatformError("xenforeignmemory_map_resource", errno: errno)
        }
        let flags = unsafe table.load(
            fromByteOffset: place * Self.entrySize, as: UInt16.self)
        let frame = unsafe table.load(
            fromByteOffset: place * Self.entrySize + 4, as: UInt32.self)
        _ = unsafe xenforeignmemory_unmap_resource(handle, resource)
        // GTF_type_mask: 0 grants nothing.
        guard flags & 3 != 0 else { throw PlatformError("grant entry", errno: ENOENT) }
        return try copy(frame: UInt(frame), of: domain)
    }

    private func copy(frame: UInt, of domain: DomainID) throws(PlatformError) -> [UInt32] {
        var frame = xen_pfn_t(frame)
        var status: Int32 = 0
        let memory = unsafe xenforeignmemory_map(
            handle, UInt32(domain.rawValue), PROT_READ, 1, &frame, &status)
        guard let memory = unsafe memory else {
            throw PlatformError("xenforeignmemory_map", errno: errno)
        }
        defer { _ = unsafe xenforeignmemory_unmap(handle, memory, 1) }
        guard status == 0 else { throw PlatformError("xenforeignmemory_map", errno: -status) }
        return (0..<Self.pageSize / 4).map {
            unsafe memory.load(fromByteOffset: 4 * $0, as: UInt32.self)
        }
    }
}
