// SPDX-License-Identifier: Apache-2.0
public import CLinux
internal import Glibc
internal import Platform

/// A TAP with a vnet header before each frame: the host's end of a vif, or an emulated guest's
/// end of its own. Never persistent: the link is gone once every descriptor of it is closed.
///
/// Used by one thread at a time; reads and writes never wait.
///
/// SAFETY: `scratch` (the vnet header of a write) and `vectors` (a header and the pieces of one
/// frame) are allocated in `init` and freed in `deinit`. Each call fills the vectors it hands to
/// the kernel with ranges that the arena has checked; what an earlier call left in them is never
/// used.
@safe
public struct TapDevice: ~Copyable {
    /// The open descriptor, to wait on or to hand to a sibling; it stays this device's.
    public let descriptor: Int32
    @usableFromInline let scratch: UnsafeMutableRawPointer
    @usableFromInline let vectors: UnsafeMutablePointer<iovec>
    /// The link's name; zeroes before `learnName`.
    var name: [16 of UInt8]
    /// Keeps `shared` alive.
    private let ring: TapRing?
    /// What batches are written with, nil to write frame by frame.
    @usableFromInline let shared: UnsafeMutablePointer<TapRingMemory>?

    /// Adopts a descriptor of a TAP made as this type makes them: 12-byte vnet header, no packet
    /// information, non-blocking. Batches go through `ring`, which belongs to the same thread.
    public init(taking descriptor: Int32, ring: TapRing? = nil) {
        self.descriptor = descriptor
        self.ring = ring
        name = .init(repeating: 0)
        unsafe shared = ring?.memory
        unsafe scratch = .allocate(byteCount: VnetHeader.size, alignment: 8)
        unsafe scratch.initializeMemory(as: UInt8.self, repeating: 0, count: VnetHeader.size)
        let count = 1 + FrameFragments.capacity
        unsafe vectors = .allocate(capacity: count)
        unsafe vectors.initialize(repeating: iovec(), count: count)
    }

    deinit {
        _ = Glibc.close(descriptor)
        unsafe vectors.deallocate()
        unsafe scratch.deallocate()
    }

    /// Closes the descriptor; the link goes with the last one.
    public consuming func close() {}
}
