// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Sees every frame of one interface, as a guest's TAP `vif3.0`, through a ring shared with the
/// kernel. Frames are as they pass, segmentation and checksums left to do with them. Nothing of the
/// interface is changed; it does not become promiscuous.
///
/// A frame shows up at most `delay` milliseconds after it passed. Used by one thread at a time.
///
/// SAFETY: `base` is `blockCount` blocks, mapped in `init` and unmapped in `deinit`. The kernel
/// writes a block until it hands it over, which is read with acquire order; from then on it is ours
/// until it is given back, with release order.
@safe
public struct PacketCapture: ~Copyable {
    /// Most bytes of a frame that can be asked for: one block has to hold the frame and its header.
    public static let snapLengthMax = blockSize - 1024
    /// Longest time for which the kernel keeps a frame to itself, in milliseconds.
    public static let delay: Int32 = 100
    private static let blockSize = 1 << 18

    /// The interface's name.
    public let interface: String
    /// Most bytes of a frame that are recorded.
    public let snapLength: Int
    private let socket: PacketCaptureSocket
    private let base: UnsafeMutableRawPointer
    private let blockCount: Int
    private var position = 0
    /// An errno that is thrown once what came before it is read; 0 for none.
    private var failure: Int32 = 0
    private var counted = PacketCaptureStatistics()

    /// Begins to see the frames of an interface of the calling thread's network namespace. It may
    /// be down: then they are seen once it is up.
    ///
    /// - Parameters:
    ///   - interface: A link's name.
    ///   - snapLength: Most bytes to record of a frame, 1 to `snapLengthMax`; what is outside is
    ///     taken as the nearer of the two.
    ///   - bufferSize: Bytes of memory for frames that are not yet read, rounded up to 256 KiB; two
    ///     such blocks at least, 4096 at most.
    /// - Throws: `HostNetworkError`; ENODEV where there is no such interface, EPERM without
    ///   CAP_NET_RAW, ENOMEM for a buffer that cannot be had.
    public init(
        of interface: String, snapLength: Int = snapLengthMax, bufferSize: Int = 8 << 20
    ) throws(HostNetworkError) {
        let name = try LinkName(interface, for: PacketCaptureSocket.operation)
        let length = min(max(snapLength, 1), PacketCapture.snapLengthMax)
        let size = PacketCapture.blockSize
        let bounded = min(max(bufferSize, 2 * size), 4096 * size)
        let count = (bounded + size - 1) / size
        let socket = try PacketCaptureSocket(for: name.text)
        try socket.setRing(
            blockSize: size, blockCount: count, snapLength: length, delay: PacketCapture.delay)
        try socket.bind()
        let mapped = unsafe mmap(
            nil, count * size, PROT_READ | PROT_WRITE, MAP_SHARED, socket.descriptor, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
            throw HostNetworkError(
                lastErrnoOf: PacketCaptureSocket.operation, on: interface)
        }
        self.interface = interface
        self.snapLength = length
        self.socket = socket
        unsafe base = mapped
        blockCount = count
    }

    deinit { unsafe munmap(base, blockCount * PacketCapture.blockSize) }

    /// The socket, to wait on with others: readable when frames are ready. It stays this capture's.
    public var descriptor: Int32 { socket.descriptor }

    /// Hands over the frames that are ready, in their order; waits for the first of them.
    ///
    /// What passed in the last `delay` milliseconds may not be ready yet: whoever ends a capture
    /// reads once more after that time.
    ///
    /// - Parameters:
    ///   - milliseconds: Longest wait, 0 for none, negative for one without end. A signal ends it.
    ///   - body: Is given each frame. While it runs, the kernel has less room for new ones.
    /// - Returns: How many frames there were.
    /// - Throws: `HostNetworkError`, ENETDOWN once each time the interface goes down or away, after
    ///   all frames that passed before. One that comes up again is seen again.
    @discardableResult
    public mutating func read(
        milliseconds: Int32, _ body: (borrowing CapturedPacket) -> Void
    ) throws(HostNetworkError) -> Int {
        var count = takeReady(body)
        if count > 0 { return count }
        if failure == 0, wait(milliseconds) {
            failure = socket.takeError()
            // The block that was being filled is handed over when its time is up, as ever.
            if failure != 0 { _ = wait(2 * PacketCapture.delay) }
        }
        count = takeReady(body)
        if count == 0, failure != 0 {
            let error = failure
            failure = 0
            throw HostNetworkError(
                PacketCaptureSocket.operation, on: interface, errno: error,
                explanation: error == ENETDOWN
                    ? "the interface went down or away: `ip link set \(interface) up`, or wait "
                        + "until it is made again and start over"
                    : nil)
        }
        return count
    }

    /// What the kernel counted since the capture began.
    public mutating func statistics() throws(HostNetworkError) -> PacketCaptureStatistics {
        // The kernel starts again from zero with each answer.
        let more = try socket.takeStatistics()
        counted.seen += UInt64(more.tp_packets)
        counted.dropped += UInt64(more.tp_drops)
        return counted
    }

    /// Ends the capture; what is not read is lost.
    public consuming func close() {}

    /// True when the socket has an error. Returns early when a block is ready.
    private func wait(_ milliseconds: Int32) -> Bool {
        var wanted = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        // SAFETY: one entry, which lives here.
        let count = unsafe poll(&wanted, 1, milliseconds)
        return count > 0 && wanted.revents & Int16(POLLERR) != 0
    }

    /// Reads each block that is handed over, but none twice: the kernel may be as fast as we are.
    private mutating func takeReady(_ body: (borrowing CapturedPacket) -> Void) -> Int {
        var count = 0
        for _ in 0..<blockCount {
            let place = unsafe base + position * PacketCapture.blockSize
            guard unsafe clinux_packet_block_status(place) & UInt32(TP_STATUS_USER) != 0 else {
                break
            }
            let block = unsafe PacketCaptureBlock(base: place, size: PacketCapture.blockSize)
            count += block.forEach(snapLength: snapLength, body)
            unsafe clinux_packet_block_give(place)
            position = (position + 1) % blockCount
        }
        return count
    }
}
