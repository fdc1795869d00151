// SPDX-License-Identifier: Apache-2.0

/// Private page-aligned memory in which packets stay between two copies; allocated once, reached
/// by bounds-checked byte offsets.
@safe
public struct PageArena: ~Copyable {
    /// Size of a page everywhere in this package, as in Xen's ABI. Corresponds to `XEN_PAGE_SIZE`.
    @inlinable public static var pageSize: Int { 4096 }

    /// Where it starts; page-aligned.
    public let base: UnsafeMutableRawPointer
    /// Size in bytes.
    public let size: Int
    private let isOwner: Bool

    /// Allocates `pageCount` zeroed pages.
    public init(pageCount: Int) {
        size = pageCount * PageArena.pageSize
        isOwner = true
        unsafe base = .allocate(byteCount: size, alignment: PageArena.pageSize)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    }

    /// Views pages that somebody else owns, so that frames can be read into and written from them.
    ///
    /// SAFETY: the caller keeps `pageCount` pages at `base` mapped while the arena lives.
    @unsafe
    public init(over base: UnsafeMutableRawPointer, pageCount: Int) {
        unsafe self.base = base
        size = pageCount * PageArena.pageSize
        isOwner = false
    }

    deinit { if isOwner { unsafe base.deallocate() } }

    /// The address of `count` bytes at `offset`, for a system call or a hypercall.
    ///
    /// SAFETY: valid while the arena lives; the range is checked here.
    @unsafe
    @inlinable @inline(__always)
    public func address(of offset: Int, count: Int) -> UnsafeMutableRawPointer {
        precondition(offset >= 0 && count >= 0 && offset <= size - count, "outside of the arena")
        return unsafe base + offset
    }

    /// The byte at `offset`.
    @inlinable @inline(__always)
    public func byte(at offset: Int) -> UInt8 {
        unsafe address(of: offset, count: 1).load(as: UInt8.self)
    }

    /// Sets the byte at `offset`.
    @inlinable @inline(__always)
    public func setByte(_ value: UInt8, at offset: Int) {
        unsafe address(of: offset, count: 1).storeBytes(of: value, as: UInt8.self)
    }

    /// Sets two bytes to a number in network order.
    @inlinable @inline(__always)
    public func setBigEndian16(_ value: UInt16, at offset: Int) {
        setByte(UInt8(truncatingIfNeeded: value >> 8), at: offset)
        setByte(UInt8(truncatingIfNeeded: value), at: offset + 1)
    }

    /// Moves `count` bytes within the arena; the ranges may overlap.
    @inlinable
    public func move(from source: Int, to destination: Int, count: Int) {
        let target = unsafe address(of: destination, count: count)
        unsafe target.copyMemory(from: address(of: source, count: count), byteCount: count)
    }

    /// The bytes of a range, to look at.
    @inlinable @inline(__always)
    @_lifetime(borrow self)
    public func bytes(at offset: Int, count: Int) -> RawSpan {
        let start = UnsafeRawPointer(unsafe address(of: offset, count: count))
        return unsafe _overrideLifetime(
            RawSpan(_unsafeStart: start, byteCount: count), borrowing: self)
    }
}
