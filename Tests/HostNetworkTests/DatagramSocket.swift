// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A UDP socket of the host's own stack; addresses and ports in host order.
struct DatagramSocket: ~Copyable {
    struct Failed: Error {
        var call: String
        var errno: Int32
    }

    private let descriptor: Int32

    init(address: UInt32, port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failed(call: "socket", errno: errno) }
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        // SAFETY: size and address of a value that lives here.
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let result = unsafe DatagramSocket.with(address, port) { unsafe bind(descriptor, $0, $1) }
        guard result == 0 else { throw Failed(call: "bind", errno: errno) }
    }

    deinit { _ = close(descriptor) }

    func send(_ bytes: [UInt8], to address: UInt32, port: UInt16) throws {
        let sent = unsafe DatagramSocket.with(address, port) {
            unsafe sendto(descriptor, bytes, bytes.count, 0, $0, $1)
        }
        guard sent == bytes.count else { throw Failed(call: "sendto", errno: errno) }
    }

    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 2048)
        // SAFETY: at most the buffer's size is written.
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Failed(call: "recv", errno: errno) }
        return Array(buffer[..<count])
    }

    private static func with<Outcome>(
        _ address: UInt32, _ port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Outcome
    ) -> Outcome {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = address.bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: a sockaddr_in is passed where the C interface asks for its common prefix.
        return unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, size)
            }
        }
    }
}
