// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Platform

/// A connected socket of a client, with what the protocol makes of its bytes. Closed by the
/// server that keeps it.
struct StoreSocket {
    /// Bytes read at a time; a turn serves no more than that of one client.
    private static let readSizeMax = 8192

    let descriptor: Int32
    let domain: DomainID
    var wire: StoreWire
    /// What epoll was last told to look for.
    var interest: UInt32 = 0
    /// The client is gone.
    private(set) var isClosed = false

    init(taking descriptor: Int32, wire: StoreWire, domain: DomainID) {
        self.descriptor = descriptor
        self.wire = wire
        self.domain = domain
    }

    /// What epoll should look for.
    var wantedInterest: UInt32 {
        (wire.isPaused ? 0 : EPOLLIN.rawValue)
            | (wire.pendingOutput.isEmpty ? 0 : EPOLLOUT.rawValue)
    }

    /// Reads once, unless the client has to read first.
    mutating func receive() {
        guard !wire.isPaused else { return }
        var chunk = [UInt8](repeating: 0, count: StoreSocket.readSizeMax)
        // SAFETY: the kernel writes at most the size of the array.
        let count = unsafe recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
        if count > 0 {
            wire.receive(chunk.prefix(count))
        } else if count == 0 || !StoreSocket.isTransient(errno) {
            isClosed = true
        }
    }

    /// Sends as much as the socket takes.
    mutating func flush() {
        while !isClosed, !wire.pendingOutput.isEmpty {
            // SAFETY: the kernel reads the bytes that are there.
            let count = unsafe wire.pendingOutput.withUnsafeBytes { bytes in
                unsafe send(
                    descriptor, bytes.baseAddress, bytes.count,
                    Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            }
            guard count > 0 else {
                isClosed = count == 0 || !StoreSocket.isTransient(errno)
                return
            }
            wire.consumeOutput(count)
        }
    }

    private static func isTransient(_ error: Int32) -> Bool {
        error == EAGAIN || error == EINTR
    }
}
