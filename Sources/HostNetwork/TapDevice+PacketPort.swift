// SPDX-License-Identifier: Apache-2.0
public import CLinux
public import Platform

/// One frame at a time: one system call for each, nothing allocated, nothing copied by us.
///
/// These functions carry the compiler's check themselves: an unoptimised build does not look into
/// another module's functions and believes only those that were checked where they are defined.
extension TapDevice: PacketPort {
    /// How often one call is tried again when the kernel loses it to a signal or to a frame it
    /// cannot describe.
    @inlinable static var attemptsMax: Int {
        @_noAllocation @_noLocks get { 8 }
    }

    /// Reads one waiting frame into the arena and its offload state into `header`; nil when none
    /// waits. A longer frame is cut at `capacity`. `readv`.
    @inlinable @_noAllocation @_noLocks
    public mutating func receive(
        into arena: borrowing PageArena, at offset: Int, capacity: Int, header: inout VnetHeader
    ) throws(PlatformError) -> Int? {
        // SAFETY: the arena checks the range; both vectors outlive the call.
        unsafe vectors[1] = iovec(
            iov_base: arena.address(of: offset, count: capacity), iov_len: capacity)
        var attempts = 0
        while true {
            let received = unsafe clinux_readv(descriptor, vectors, 2)
            if received >= VnetHeader.size {
                decode(into: &header)
                return received - VnetHeader.size
            }
            let error = received < 0 ? clinux_errno() : EIO
            if error == EAGAIN { return nil }
            attempts += 1
            // EINVAL: the kernel consumed a frame whose offload has no vnet header.
            if (error == EINTR || error == EINVAL) && attempts < TapDevice.attemptsMax { continue }
            if error == EINTR { return nil }
            throw PlatformError("readv of a TAP", errno: error)
        }
    }

    /// Hands one frame to the host straight from the arena. `writev`.
    ///
    /// Only a device that is gone throws; whatever the kernel has against this one frame, or
    /// against taking it now (EIO when the link is down, EINVAL, ENOBUFS), refuses it.
    @inlinable @_noAllocation @_noLocks
    public mutating func transmit(
        _ fragments: borrowing FrameFragments, header: VnetHeader, from arena: borrowing PageArena
    ) throws(PlatformError) -> TransmitOutcome {
        unsafe TapDevice.encode(header, to: scratch)
        var position = 0
        while position < fragments.count {
            let fragment = fragments[position]
            position += 1
            // SAFETY: the arena checks the range; there are as many vectors as fragments fit.
            unsafe vectors[position] = iovec(
                iov_base: arena.address(of: fragment.offset, count: fragment.count),
                iov_len: fragment.count)
        }
        var attempts = 0
        while true {
            let written = unsafe clinux_writev(descriptor, vectors, Int32(position + 1))
            if written >= 0 { return .sent }
            let error = clinux_errno()
            attempts += 1
            if error == EINTR && attempts < TapDevice.attemptsMax { continue }
            if TapDevice.isFatal(error) {
                throw PlatformError("writev to a TAP", errno: error)
            }
            return .refused
        }
    }

    /// Takes over the vnet header that the last read left, field by field.
    @inlinable @inline(__always)
    func decode(into header: inout VnetHeader) {
        // SAFETY: the offsets are those of a header of 12 bytes, which is what `scratch` holds.
        header.flags = unsafe scratch.load(fromByteOffset: 0, as: UInt8.self)
        header.gsoType = unsafe scratch.load(fromByteOffset: 1, as: UInt8.self)
        header.headerLength = word(at: 2)
        header.gsoSize = word(at: 4)
        header.checksumStart = word(at: 6)
        header.checksumOffset = word(at: 8)
    }

    /// Writes the vnet header of a frame, field by field.
    ///
    /// SAFETY: `place` has room for a header, 12 bytes.
    @unsafe
    @inlinable @inline(__always) @_noAllocation @_noLocks
    static func encode(_ header: VnetHeader, to place: UnsafeMutableRawPointer) {
        unsafe place.storeBytes(of: header.flags, toByteOffset: 0, as: UInt8.self)
        unsafe place.storeBytes(of: header.gsoType, toByteOffset: 1, as: UInt8.self)
        unsafe setWord(header.headerLength, of: place, at: 2)
        unsafe setWord(header.gsoSize, of: place, at: 4)
        unsafe setWord(header.checksumStart, of: place, at: 6)
        unsafe setWord(header.checksumOffset, of: place, at: 8)
        unsafe setWord(0, of: place, at: 10)
    }

    /// True when a write failed for the device's sake, not for the frame's.
    @inlinable @inline(__always) @_noAllocation @_noLocks
    static func isFatal(_ error: Int32) -> Bool {
        error == EBADF || error == EBADFD || error == EFAULT
    }

    @inlinable @inline(__always)
    func word(at offset: Int) -> UInt16 {
        unsafe UInt16(littleEndian: scratch.load(fromByteOffset: offset, as: UInt16.self))
    }

    @unsafe
    @inlinable @inline(__always)
    static func setWord(_ value: UInt16, of place: UnsafeMutableRawPointer, at offset: Int) {
        unsafe place.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt16.self)
    }
}
