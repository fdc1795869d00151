// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Platform

/// One domain's connection to the machine: a request, then its reply.
struct MachineConnection: ~Copyable {
    private let socket: OwnedDescriptor
    /// How long the machine may take for a reply before it counts as dead, in seconds.
    private static let replySecondsMax = 10

    /// Connects to a domain's `hypervisor.sock`.
    init(path: String) throws(PlatformError) {
        socket = OwnedDescriptor(taking: try UnixSocket.connect(path: path))
        var limit = timeval(tv_sec: MachineConnection.replySecondsMax, tv_usec: 0)
        // SAFETY: a local variable with its own size.
        unsafe setsockopt(
            socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit,
            socklen_t(MemoryLayout<timeval>.size))
    }

    /// The socket, to wait on for the machine's death.
    var descriptor: Int32 { socket.number }

    /// Asks and waits. A reply that says no is thrown under the name of `operation`.
    func call(
        _ request: MachineRequest, _ operation: StaticString
    ) throws(PlatformError) -> MachineReply {
        let bytes = request.message.bytes
        // SAFETY: the array's own bytes, for the length of the call.
        let sent = unsafe clinux_send_fds(socket.number, bytes, bytes.count, nil, 0)
        guard sent == bytes.count else { throw disconnected(operation) }
        guard let reply = MachineReply(receivingFrom: socket.number) else {
            throw disconnected(operation)
        }
        guard reply.code == 0 else {
            throw PlatformError(operation, errno: Int32(clamping: reply.code))
        }
        return reply
    }

    /// After a failure of the socket no later reply could be told from this one's.
    private func disconnected(_ operation: StaticString) -> PlatformError {
        let reason = errno
        shutdown(socket.number, Int32(SHUT_RDWR))
        return PlatformError(operation, errno: reason == 0 ? ENOTCONN : reason)
    }
}

/// A reply with the descriptors that came with it; those nobody takes are closed with it.
struct MachineReply: ~Copyable {
    private let message: MachineMessage
    private var descriptors: [Int32]

    /// Receives one reply; nil when the machine is gone or sent something else.
    init?(receivingFrom socket: Int32) {
        guard let datagram = UnixSocket.receive(from: socket) else { return nil }
        guard let message = MachineMessage(datagram.bytes) else {
            for descriptor in datagram.descriptors { close(descriptor) }
            return nil
        }
        self.message = message
        descriptors = datagram.descriptors
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// 0 or an errno.
    var code: UInt32 { message.code }

    /// A value by its position.
    func value(_ position: Int) -> UInt32 { message.values[position] }

    /// A domain's name.
    var name: String { message.name }

    /// The next descriptor, in the order in which the machine sent them.
    mutating func takeDescriptor() throws(PlatformError) -> OwnedDescriptor {
        guard !descriptors.isEmpty else { throw PlatformError("recvmsg", errno: EPROTO) }
        return OwnedDescriptor(taking: descriptors.removeFirst())
    }
}
