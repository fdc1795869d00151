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

    /// Reads one waiting frame and, beside it, its vnet header into the arena; nil when none waits.
    /// A longer frame is cut at `capacity`. `readv`.
    @inlinable @_noAllocation @_noLocks
    public mutating func receive(
        into arena: borrowing PageArena, at offset: Int, capacity: Int,
        headerAt headerOffset: Int, header: inout VnetHeader
    ) throws(PlatformError) -> Int? {
        // SAFETY: the arena checks the ranges; both vectors outlive the call.
        unsafe vectors[0] = iovec(
            iov_base: arena.address(of: headerOffset, count: VnetHeader.size),
            iov_len: VnetHeader.size)
        unsafe vectors[1] = iovec(
            iov_base: arena.address(of: offset, count: capacity), iov_len: capacity)
        var attempts = 0
        while true {
            let received = unsafe clinux_readv(descriptor, vectors, 2)
            if received >= VnetHeader.size {
                header = arena.vnetHeader(at: headerOffset)
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
        unsafe header.write(to: scratch)
        unsafe vectors[0] = iovec(iov_base: scratch, iov_len: VnetHeader.size)
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

    /// True when a write failed for the device's sake, not for the frame's.
    @inlinable @inline(__always) @_noAllocation @_noLocks
    static func isFatal(_ error: Int32) -> Bool {
        error == EBADF || error == EBADFD || error == EFAULT
    }
}
