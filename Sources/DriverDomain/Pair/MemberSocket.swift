// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Platform

/// One end of a connection between two processes of a pair. Never waits.
struct MemberSocket: ~Copyable {
    /// Most descriptors of one message.
    static var descriptorsMax: Int { Int(CLINUX_FDS_MAX) }
    /// To be waited on.
    let descriptor: Int32

    /// What comes out of it.
    enum Arrival {
        /// A message, with descriptors that now belong to the receiver.
        case message(MemberMessage, [Int32])
        /// Nothing for now.
        case nothing
        /// The other end is gone, or talks nonsense.
        case end
    }

    /// Takes over an end.
    init(taking descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Two ends of one connection, close-on-exec.
    static func pair() throws(PlatformError) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue) | O_CLOEXEC
        guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw PlatformError("socketpair", errno: errno)
        }
        return (ends[0], ends[1])
    }

    /// Sends a message; the descriptors stay the sender's. False when it could not be sent: the
    /// other end is gone, or has not read for a long time.
    @discardableResult
    borrowing func send(_ message: MemberMessage, _ descriptors: [Int32] = []) -> Bool {
        let bytes = message.bytes
        // SAFETY: both arrays' own elements, for the length of the call.
        let sent = unsafe clinux_send_fds(
            descriptor, bytes, bytes.count, descriptors, Int32(descriptors.count))
        return sent == bytes.count
    }

    /// Takes the next message.
    borrowing func receive() -> Arrival {
        var bytes = [UInt8](repeating: 0, count: 16)
        var descriptors = [Int32](repeating: -1, count: Int(CLINUX_FDS_MAX))
        var count: Int32 = 0
        // SAFETY: both arrays' own elements, for the length of the call.
        let size = unsafe clinux_receive_fds(
            descriptor, &bytes, bytes.count, &descriptors, &count)
        if size < 0 { return errno == EAGAIN || errno == EINTR ? .nothing : .end }
        let received = Array(descriptors.prefix(Int(count)))
        guard size > 0, let message = MemberMessage(bytes.prefix(size)) else {
            for descriptor in received { close(descriptor) }
            return .end
        }
        return .message(message, received)
    }

    /// Waits for the next message, for so long.
    borrowing func receive(milliseconds: Int32) -> Arrival {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // SAFETY: one local element, and its count.
        _ = unsafe poll(&waiting, 1, milliseconds)
        return receive()
    }
}
