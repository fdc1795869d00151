// SPDX-License-Identifier: Apache-2.0

/// The twelve bytes of a header, little endian, at any alignment.
extension VnetHeader {
    /// Reads a header field by field; `num_buffers` says nothing to us.
    ///
    /// SAFETY: `VnetHeader.size` bytes can be read at `place`.
    @unsafe
    @inlinable @inline(__always) @_noAllocation @_noLocks
    public init(at place: UnsafeMutableRawPointer) {
        unsafe flags = place.load(fromByteOffset: 0, as: UInt8.self)
        unsafe gsoType = place.load(fromByteOffset: 1, as: UInt8.self)
        unsafe headerLength = VnetHeader.word(place, 2)
        unsafe gsoSize = VnetHeader.word(place, 4)
        unsafe checksumStart = VnetHeader.word(place, 6)
        unsafe checksumOffset = VnetHeader.word(place, 8)
    }

    /// Writes the header field by field, with no buffers counted.
    ///
    /// SAFETY: `VnetHeader.size` bytes can be written at `place`.
    @unsafe
    @inlinable @inline(__always) @_noAllocation @_noLocks
    public func write(to place: UnsafeMutableRawPointer) {
        unsafe place.storeBytes(of: flags, toByteOffset: 0, as: UInt8.self)
        unsafe place.storeBytes(of: gsoType, toByteOffset: 1, as: UInt8.self)
        unsafe VnetHeader.setWord(headerLength, place, 2)
        unsafe VnetHeader.setWord(gsoSize, place, 4)
        unsafe VnetHeader.setWord(checksumStart, place, 6)
        unsafe VnetHeader.setWord(checksumOffset, place, 8)
        unsafe VnetHeader.setWord(0, place, 10)
    }

    @unsafe
    @inlinable @inline(__always) @_noAllocation @_noLocks
    static func word(_ place: UnsafeMutableRawPointer, _ offset: Int) -> UInt16 {
        unsafe UInt16(littleEndian: place.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @unsafe
    @inlinable @inline(__always) @_noAllocation @_noLocks
    static func setWord(_ value: UInt16, _ place: UnsafeMutableRawPointer, _ offset: Int) {
        unsafe place.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt16.self)
    }
}

extension PageArena {
    /// The header at `offset`.
    @inlinable @inline(__always)
    public func vnetHeader(at offset: Int) -> VnetHeader {
        unsafe VnetHeader(at: address(of: offset, count: VnetHeader.size))
    }

    /// Writes a header at `offset`.
    @inlinable @inline(__always)
    public func setVnetHeader(_ header: VnetHeader, at offset: Int) {
        unsafe header.write(to: address(of: offset, count: VnetHeader.size))
    }
}
