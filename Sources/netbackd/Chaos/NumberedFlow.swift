// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc
import HostNetwork
import Synchronization

/// One direction of numbered UDP datagrams between a guest and the host: one thread sends at a
/// steady pace, another receives and checks.
///
/// Sockets belong to the network namespace in which they were made, whoever uses them: both ends
/// are in this process, on one clock.
final class NumberedFlow: Sendable {
    /// A packet that arrived.
    struct Arrival: Sendable {
        var at: UInt64
        /// How long it was under way.
        var delay: UInt64
    }

    private struct State {
        var check = SequenceCheck()
        var arrivals: [Arrival] = []
        var lastArrival: UInt64 = 0
    }

    /// The sizes of payloads, in turn: small ones, and the largest that fits a frame.
    private static var sizes: [Int] { [64, 200, 1472, 64, 600] }
    private static var headerSize: Int { 24 }

    /// Whether a guest sends, which is what Xen calls transmitting.
    let isTransmit: Bool
    let receiver: Int32
    private let sender: Int32
    private let state = Mutex(State())
    private let sent = Mutex<UInt64>(0)
    /// Times that the sender's own socket had no room: then nothing was sent, and no number used.
    private let refusals = Mutex<UInt64>(0)

    /// Opens both ends; the namespaces' names are guests' names, nil is the host's.
    init(from source: String?, to target: String?, address: String, port: UInt16) throws {
        isTransmit = source != nil
        receiver = try FlowSocket.listening(port: port, in: target)
        do {
            sender = try FlowSocket.connected(to: address, port: port, in: source)
        } catch {
            close(receiver)
            throw error
        }
    }

    deinit {
        close(sender)
        close(receiver)
    }

    /// Sends the next datagram. Caller: the sending thread.
    func send(_ buffer: inout [UInt8]) {
        let number = sent.withLock { $0 }
        let size = Self.sizes[Int(number % UInt64(Self.sizes.count))]
        unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe bytes.storeBytes(of: number, as: UInt64.self)
            unsafe bytes.storeBytes(of: UInt64.now, toByteOffset: 8, as: UInt64.self)
            unsafe bytes.storeBytes(of: UInt64(size), toByteOffset: 16, as: UInt64.self)
            // The last bytes say again which packet it is, in another way.
            unsafe bytes.storeBytes(of: ~number, toByteOffset: size - 8, as: UInt64.self)
        }
        let count = unsafe Glibc.send(sender, buffer, size, Int32(MSG_DONTWAIT))
        if count == size {
            sent.withLock { $0 += 1 }
        } else {
            refusals.withLock { $0 += 1 }
        }
    }

    /// Takes what has arrived. Caller: the receiving thread.
    func receive(_ buffer: inout [UInt8]) {
        for _ in 0..<256 {
            let capacity = buffer.count
            let flags = Int32(MSG_DONTWAIT)
            let count = unsafe recv(receiver, &buffer, capacity, flags)
            guard count >= 0 else { return }
            take(buffer, count: count, at: .now)
        }
    }

    private func take(_ buffer: [UInt8], count: Int, at now: UInt64) {
        let words = unsafe buffer.withUnsafeBytes { bytes -> [UInt64] in
            guard count > Self.headerSize + 8 else { return [] }
            return [0, 8, 16, count - 8].map {
                unsafe bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self)
            }
        }
        state.withLock { state in
            guard words.count == 4, words[2] == UInt64(count), words[3] == ~words[0] else {
                state.check.takeDamaged(at: now)
                return
            }
            state.check.take(words[0], at: now)
            state.arrivals.append(Arrival(at: now, delay: now - min(now, words[1])))
            state.lastArrival = now
        }
    }

    /// The arrivals since the last call, the last one before them first.
    func takeArrivals() -> [Arrival] {
        state.withLock { state in
            let taken = state.arrivals
            state.arrivals = taken.suffix(1)
            return taken
        }
    }

    /// What was sent, refused and received, and what is wrong with it; when all has arrived.
    func result() -> FlowResult {
        let (received, anomalies) = state.withLock {
            ($0.check.received, $0.check.anomalies(sent: sent.withLock { $0 }, at: $0.lastArrival))
        }
        return FlowResult(
            isTransmit: isTransmit, sent: sent.withLock { $0 }, received: received,
            refused: refusals.withLock { $0 }, dropped: FlowSocket.drops(of: receiver),
            anomalies: anomalies)
    }
}

/// What became of a flow.
struct FlowResult {
    var isTransmit: Bool
    var sent: UInt64
    var received: UInt64
    /// Not sent at all: the sender's socket was full.
    var refused: UInt64
    /// Dropped by the receiver's own socket.
    var dropped: UInt32
    var anomalies: [SequenceCheck.Anomaly]
}

extension UInt64 {
    /// Nanoseconds of the monotonic clock.
    static var now: UInt64 {
        var time = timespec()
        // SAFETY: the call writes one timespec of this frame.
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
