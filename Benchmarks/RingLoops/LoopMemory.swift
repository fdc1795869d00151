// SPDX-License-Identifier: Apache-2.0
internal import SharedMemory

/// The pages that a guest granted, the backend's arena, and two ring pages for each language.
///
/// Both languages copy between the same pages, so that neither has the warmer cache.
@safe
public struct LoopMemory: ~Copyable {
    /// Pages of the guest, and of the arena.
    static let pageCount = 256
    /// Size of a page in bytes.
    static let pageSize = 4096

    let guest: UnsafeMutableRawPointer
    let arena: UnsafeMutableRawPointer
    let rings: UnsafeMutableRawPointer

    /// Allocates and touches all of it.
    public init() {
        let size = LoopMemory.pageCount * LoopMemory.pageSize
        unsafe guest = LoopMemory.allocate(size, filledWith: 0x5A)
        unsafe arena = LoopMemory.allocate(size, filledWith: 0xA5)
        unsafe rings = LoopMemory.allocate(4 * LoopMemory.pageSize, filledWith: 0)
    }

    deinit {
        unsafe guest.deallocate()
        unsafe arena.deallocate()
        unsafe rings.deallocate()
    }

    private static func allocate(_ size: Int, filledWith byte: UInt8) -> UnsafeMutableRawPointer {
        let start = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: pageSize)
        unsafe start.initializeMemory(as: UInt8.self, repeating: byte, count: size)
        return unsafe start
    }

    /// One of the four ring pages. SAFETY: only `RingLoops` uses it, which owns this memory.
    func ringWords(_ number: Int) -> MappedWords {
        precondition(number >= 0 && number < 4, "there are four ring pages")
        return unsafe MappedWords(
            at: rings + number * LoopMemory.pageSize, wordCount: LoopMemory.pageSize / 4)
    }

    /// A grant copy towards the arena.
    @inline(__always)
    func copyFromGuest(page: UInt32, offset: Int, count: Int, to arenaOffset: Int) {
        // SAFETY: both ranges are checked against the allocations that `init` made.
        let source = check(Int(page) * LoopMemory.pageSize + offset, count)
        let target = check(arenaOffset, count)
        unsafe (arena + target).copyMemory(from: guest + source, byteCount: count)
    }

    /// A grant copy towards the guest.
    @inline(__always)
    func copyToGuest(page: UInt32, count: Int, from arenaOffset: Int) {
        // SAFETY: as above.
        let target = check(Int(page) * LoopMemory.pageSize, count)
        let source = check(arenaOffset, count)
        unsafe (guest + target).copyMemory(from: arena + source, byteCount: count)
    }

    @inline(__always)
    private func check(_ offset: Int, _ count: Int) -> Int {
        precondition(
            offset >= 0 && count >= 0
                && offset + count <= LoopMemory.pageCount * LoopMemory.pageSize,
            "a copy outside of the benchmark's memory")
        return offset
    }
}
