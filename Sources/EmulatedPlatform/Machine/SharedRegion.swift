// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Platform
internal import SharedMemory

/// Mapped pages with one owner: a domain's memory, its grant table or its status page.
@safe
struct SharedRegion: ~Copyable {
    /// Where the pages are mapped.
    let base: UnsafeMutableRawPointer
    /// How many pages of 4096 bytes.
    let pageCount: Int
    /// The memfd behind the pages; nil for memory of this process alone.
    private let file: OwnedDescriptor?

    /// Maps zeroed memory of this process alone.
    init(privatePageCount pageCount: Int) throws(PlatformError) {
        unsafe base = try SharedRegion.map(
            -1, pageCount: pageCount, protection: PROT_READ | PROT_WRITE,
            flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
        self.pageCount = pageCount
        file = nil
    }

    /// Makes a memfd that can never change its size, so that no mapping of it faults, and maps it.
    /// With `readOnlyForOthers`, every mapping made later, wherever, can only be read.
    static func makeShared(
        pageCount: Int, readOnlyForOthers: Bool
    ) throws(PlatformError) -> SharedRegion {
        let file = OwnedDescriptor(taking: unsafe clinux_memfd_create("netdd"))
        guard file.number >= 0 else { throw PlatformError("memfd_create", errno: errno) }
        guard ftruncate(file.number, pageCount * PageArena.pageSize) == 0 else {
            throw PlatformError("ftruncate", errno: errno)
        }
        let region = try SharedRegion(mapping: file, pageCount: pageCount, writable: true)
        // The order matters: sealing the size also seals the seals.
        guard !readOnlyForOthers || clinux_memfd_seal_future_write(region.descriptor) == 0,
            clinux_memfd_seal_size(region.descriptor) == 0
        else { throw PlatformError("fcntl(F_ADD_SEALS)", errno: errno) }
        return region
    }

    /// Maps a memfd that the machine sent and keeps the descriptor; `resident` all of it at once,
    /// so that no later access is a page fault.
    init(
        mapping file: consuming OwnedDescriptor, pageCount: Int, writable: Bool,
        resident: Bool = false
    ) throws(PlatformError) {
        unsafe base = try SharedRegion.map(
            file.number, pageCount: pageCount,
            protection: writable ? PROT_READ | PROT_WRITE : PROT_READ,
            flags: MAP_SHARED | (resident ? MAP_POPULATE : 0))
        self.pageCount = pageCount
        self.file = consume file
    }

    // SAFETY: the pages were mapped by an initialiser and are unmapped nowhere else; views of
    // them are used by whoever owns this value, and only while owning it.
    deinit { unsafe munmap(base, pageCount * PageArena.pageSize) }

    /// The descriptor to send; -1 for memory of this process alone.
    var descriptor: Int32 {
        switch file {
        case .some(let owned): owned.number
        case .none: -1
        }
    }

    /// All words, to use while the region lives.
    var words: MappedWords {
        @_noAllocation @_noLocks get {
            // SAFETY: page-aligned, mapped while `self` lives; users hold the owner.
            unsafe MappedWords(at: base, wordCount: pageCount * PageArena.pageSize / 4)
        }
    }

    /// Where a page starts. A wrong page is our own bug.
    @unsafe
    func address(ofPage page: Int) -> UnsafeMutableRawPointer {
        precondition(page >= 0 && page < pageCount, "a page outside of the domain")
        return unsafe base + page * PageArena.pageSize
    }

    /// The words of one page. A wrong page is our own bug.
    func words(ofPage page: Int) -> MappedWords {
        // SAFETY: as for `words`; the range is checked by `address`.
        unsafe MappedWords(at: address(ofPage: page), wordCount: PageArena.pageSize / 4)
    }

    /// Maps a page of the region once more, independent of this region's life.
    @unsafe
    func mapAgain(page: UInt32) throws(PlatformError) -> UnsafeMutableRawPointer {
        guard Int(page) < pageCount else { throw PlatformError("mmap", errno: EINVAL) }
        return unsafe try SharedRegion.map(
            descriptor, pageCount: 1, protection: PROT_READ | PROT_WRITE, flags: MAP_SHARED,
            offset: Int(page) * PageArena.pageSize)
    }

    private static func map(
        _ descriptor: Int32, pageCount: Int, protection: Int32, flags: Int32, offset: Int = 0
    ) throws(PlatformError) -> UnsafeMutableRawPointer {
        let size = pageCount * PageArena.pageSize
        let address = unsafe mmap(nil, size, protection, flags, descriptor, offset)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw PlatformError("mmap", errno: errno)
        }
        return unsafe address
    }
}
