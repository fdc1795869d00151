// SPDX-License-Identifier: Apache-2.0
public import CLinux
internal import CURing
internal import Glibc
public import Platform

/// What the TAPs of one thread share to write many frames with one system call: an io_uring, and
/// the vectors and vnet headers of a whole batch. Freed with the last TAP that was given it.
///
/// Frames stay in order because io_uring writes to a descriptor with O_NONBLOCK at once, in the
/// order of submission, or completes with EAGAIN; it hands such a write to no other thread. Should
/// a kernel do otherwise, the ring is retired (docs/decisions/0006).
///
/// SAFETY: `memory` and what it points to are allocated in `init` and freed in `deinit`. A TAP
/// holds a reference for as long as it uses the pointer, and all of them belong to one thread.
@safe
public final class TapRing {
    @usableFromInline let memory: UnsafeMutablePointer<TapRingMemory>

    /// Opens a ring for this thread.
    ///
    /// - Throws: `PlatformError`; ENOSYS where the kernel has no io_uring, EPERM where it is
    ///   forbidden.
    public init() throws(PlatformError) {
        guard let ring = unsafe curing_open(UInt32(TapDevice.framesPerCall)) else {
            throw PlatformError("io_uring_setup", errno: Glibc.errno)
        }
        let count = TapDevice.framesPerCall * TapDevice.vectorsPerFrame
        let vectors = UnsafeMutablePointer<iovec>.allocate(capacity: count)
        unsafe vectors.initialize(repeating: iovec(), count: count)
        let size = TapDevice.framesPerCall * VnetHeader.size
        let headers = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
        unsafe headers.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        for frame in 0..<TapDevice.framesPerCall {
            unsafe vectors[frame * TapDevice.vectorsPerFrame] = iovec(
                iov_base: headers + frame * VnetHeader.size, iov_len: VnetHeader.size)
        }
        unsafe memory = .allocate(capacity: 1)
        unsafe memory.initialize(
            to: TapRingMemory(ring: ring, vectors: vectors, headers: headers))
    }

    deinit {
        unsafe curing_close(memory.pointee.ring)
        unsafe memory.pointee.vectors.deallocate()
        unsafe memory.pointee.headers.deallocate()
        unsafe memory.deallocate()
    }

    /// True once the kernel did not do what the order of frames depends on: frames are written one
    /// by one from then on.
    public var isRetired: Bool { unsafe memory.pointee.isRetired }
}

/// What a ring consists of, reached without counting references.
@unsafe
@usableFromInline struct TapRingMemory {
    @usableFromInline let ring: OpaquePointer
    /// `vectorsPerFrame` for each frame, the first of them its header's.
    @usableFromInline let vectors: UnsafeMutablePointer<iovec>
    /// A vnet header for each frame.
    @usableFromInline let headers: UnsafeMutableRawPointer
    @usableFromInline var isRetired: Bool

    @usableFromInline init(
        ring: OpaquePointer, vectors: UnsafeMutablePointer<iovec>, headers: UnsafeMutableRawPointer
    ) {
        unsafe self.ring = ring
        unsafe self.vectors = vectors
        unsafe self.headers = headers
        unsafe isRetired = false
    }
}
