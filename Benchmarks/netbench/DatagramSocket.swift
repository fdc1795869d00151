// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import CTraffic
internal import Glibc
internal import Platform

/// A UDP socket and room for one batch of datagrams.
struct DatagramSocket: ~Copyable {
    /// Datagrams per system call.
    static let batchCount = Int(CTRAFFIC_BATCH_MAX)
    /// Bytes for each.
    static let room = 2048

    private let descriptor: Int32
    /// What was received last, or is to be sent: datagram i at `i * room`.
    var bytes = [UInt8](repeating: 0, count: batchCount * room)

    init(listeningOn port: Int32, timeoutMilliseconds: Int32 = 200) throws(PlatformError) {
        descriptor = ctraffic_listen(port, timeoutMilliseconds)
        if descriptor < 0 { throw PlatformError("bind of a UDP socket", errno: errno) }
    }

    init(
        to address: String, port: Int32, timeoutMilliseconds: Int32 = 200
    ) throws(PlatformError) {
        descriptor = unsafe ctraffic_connect(address, port, timeoutMilliseconds)
        if descriptor < 0 { throw PlatformError("connect of a UDP socket", errno: errno) }
    }

    deinit { _ = Glibc.close(descriptor) }

    // SAFETY: of `bytes`, which holds a batch, the calls use at most what they are told of.

    /// Sends the first datagram so many times; returns how many went.
    mutating func send(size: Int, count: Int) -> Int {
        max(0, Int(unsafe ctraffic_send(descriptor, bytes, min(size, Self.room), Int32(count))))
    }

    /// Takes what is there, or waits for the timeout; returns how many came.
    mutating func receive(count: Int = batchCount) -> Int {
        let wanted = Int32(min(count, Self.batchCount))
        return max(0, Int(unsafe ctraffic_receive(descriptor, &bytes, Self.room, wanted)))
    }

    /// Sends the next datagram back; false when none came in time.
    mutating func echo() -> Bool {
        unsafe ctraffic_echo(descriptor, &bytes, Self.room) >= 0
    }

    /// The number that a datagram begins with.
    func number(of datagram: Int) -> UInt64 {
        var value: UInt64 = 0
        for byte in 0..<8 {
            value |= UInt64(bytes[datagram * Self.room + byte]) << UInt64(8 * byte)
        }
        return value
    }

    /// Writes the number that the first datagram begins with.
    mutating func setNumber(_ value: UInt64) {
        for byte in 0..<8 { bytes[byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)) }
    }
}

/// Nanoseconds of the monotonic clock.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    // SAFETY: the call writes one timespec of this frame.
    unsafe _ = clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
