// SPDX-License-Identifier: Apache-2.0
// SAFETY: integers have no invalid bit pattern, and these loads check their bounds, so that a
// wrong offset traps instead of reading elsewhere. Callers compare with byteCount before.

extension RawSpan {
    /// The byte at an offset.
    @inlinable @inline(__always)
    func byte(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Two bytes in network order.
    @inlinable @inline(__always)
    func bigEndian16(at offset: Int) -> UInt16 {
        word16(at: offset).bigEndian
    }

    /// Two bytes in the machine's order, for sums that do not care.
    @inlinable @inline(__always)
    func word16(at offset: Int) -> UInt16 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)
    }

    /// Four bytes in the machine's order, for sums that do not care.
    @inlinable @inline(__always)
    func word32(at offset: Int) -> UInt32 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
    }
}
