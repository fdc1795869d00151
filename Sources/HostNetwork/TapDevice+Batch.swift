// SPDX-License-Identifier: Apache-2.0
public import CLinux
public import CURing
public import Platform

/// Many frames to the host: with a ring in one system call, otherwise one by one.
extension TapDevice {
    /// Most frames of one call.
    @inlinable @inline(__always) public static var framesPerCall: Int { 64 }
    /// Vectors of one frame: its vnet header and its pieces.
    @inlinable @inline(__always) static var vectorsPerFrame: Int { 1 + FrameFragments.capacity }

    /// Hands the frames of a batch to the host in their order. `io_uring_enter`, or `writev`.
    ///
    /// Only a device that is gone throws; whatever the kernel has against one frame refuses it.
    @inlinable @_noAllocation @_noLocks
    public mutating func transmit(
        _ batch: inout FrameBatch, from arena: borrowing PageArena
    ) throws(PlatformError) {
        var done = 0
        // A single frame is cheaper without the ring.
        if let shared = unsafe shared, batch.count > 1 {
            while done < batch.count, unsafe !shared.pointee.isRetired {
                done += try unsafe transmitGroup(of: &batch, at: done, from: arena, shared)
            }
        }
        while done < batch.count {
            let outcome = try transmit(
                batch[done].fragments, header: batch[done].header, from: arena)
            batch[done].outcome = outcome
            done += 1
        }
    }

    /// Writes as many frames as the ring takes from position `first` on; returns how many have an
    /// outcome, which is fewer than were there only when the ring is retired.
    @unsafe
    @inlinable @_noAllocation @_noLocks
    mutating func transmitGroup(
        of batch: inout FrameBatch, at first: Int, from arena: borrowing PageArena,
        _ shared: UnsafeMutablePointer<TapRingMemory>
    ) throws(PlatformError) -> Int {
        let count = min(batch.count - first, TapDevice.framesPerCall)
        var staged = 0
        while staged < count, unsafe stage(batch[first + staged], staged, from: arena, shared) {
            staged += 1
        }
        var (submitted, completed, attempts) = (0, 0, 0)
        var fatal: Int32 = 0
        while submitted < staged || completed < submitted {
            let isWaiting = submitted == staged
            let result = unsafe curing_submit(shared.pointee.ring, isWaiting ? 1 : 0)
            if result > 0 { submitted += Int(result) }
            unsafe reap(&batch, at: first, completed: &completed, fatal: &fatal, shared)
            // A frame that was submitted and is not yet written went to another thread of the
            // kernel, where a later frame may overtake it.
            if completed < submitted { unsafe shared.pointee.isRetired = true }
            if result > 0 || (isWaiting && result == 0) { continue }
            attempts += 1
            guard result != -EINTR || attempts == TapDevice.attemptsMax else { continue }
            unsafe shared.pointee.isRetired = true
            if completed < submitted { throw PlatformError("io_uring_enter", errno: -result) }
            break
        }
        if staged < count { unsafe shared.pointee.isRetired = true }
        if fatal != 0 { throw PlatformError("io_uring write to a TAP", errno: fatal) }
        return completed
    }

    /// Puts one frame into the ring's queue; false when that has no room.
    @unsafe
    @inlinable @inline(__always)
    func stage(
        _ frame: borrowing OutboundFrame, _ number: Int, from arena: borrowing PageArena,
        _ shared: UnsafeMutablePointer<TapRingMemory>
    ) -> Bool {
        let header = unsafe shared.pointee.headers + number * VnetHeader.size
        unsafe frame.header.write(to: header)
        let vectors = unsafe shared.pointee.vectors + number * TapDevice.vectorsPerFrame
        var position = 0
        while position < frame.fragments.count {
            let fragment = frame.fragments[position]
            position += 1
            // SAFETY: the arena checks the range; there are as many vectors as fragments fit.
            unsafe vectors[position] = iovec(
                iov_base: arena.address(of: fragment.offset, count: fragment.count),
                iov_len: fragment.count)
        }
        return unsafe curing_stage_writev(
            shared.pointee.ring, descriptor, vectors, UInt32(position + 1), UInt64(number)) == 1
    }

    /// Notes the outcomes of the frames that are written. Refused ones may come last: the order
    /// of outcomes is not the order of writes.
    @unsafe
    @inlinable @inline(__always)
    func reap(
        _ batch: inout FrameBatch, at first: Int, completed: inout Int, fatal: inout Int32,
        _ shared: UnsafeMutablePointer<TapRingMemory>
    ) {
        var number: UInt64 = 0
        var result: Int32 = 0
        while unsafe curing_next(shared.pointee.ring, &number, &result) == 1 {
            completed += 1
            let position = first + Int(number)
            if result >= 0 {
                batch[position].outcome = .sent
            } else {
                batch[position].outcome = .refused
                if TapDevice.isFatal(-result) { fatal = -result }
            }
        }
    }
}
