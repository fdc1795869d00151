// SPDX-License-Identifier: Apache-2.0
import Glibc
package import SharedMemory

/// A zeroed, aligned page of 4 KiB that a test owns.
@safe
package struct RingPage: ~Copyable {
    package static var size: Int { 4096 }

    /// Where it is, for C code and for a second view.
    package let base: UnsafeMutableRawPointer

    package init() {
        unsafe base = .allocate(byteCount: RingPage.size, alignment: RingPage.size)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: RingPage.size)
    }

    deinit { unsafe base.deallocate() }

    /// The page as ordered words. SAFETY: the test keeps the page for as long as it uses them.
    package var words: MappedWords {
        unsafe MappedWords(at: base, wordCount: RingPage.size / 4)
    }

    /// A copy of all its bytes.
    package var bytes: [UInt8] {
        unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: RingPage.size))
    }

    /// Whether two pages hold the same 4096 bytes.
    package func hasSameBytes(as other: borrowing RingPage) -> Bool {
        unsafe memcmp(base, other.base, RingPage.size) == 0
    }
}
