// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Where a TCP server listens: `127.0.0.1:9100`, `[::1]:9100`; port 0 for any that is free.
struct ListeningAddress {
    private var storage = sockaddr_storage()
    private let size: socklen_t

    /// Reads one.
    ///
    /// - Throws: `Complaint` naming the text.
    init(_ text: String) throws(Complaint) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { throw Self.complaint(text) }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]"), host.count > 2 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            let inner = String(host.dropFirst().dropLast())
            guard unsafe inet_pton(AF_INET6, inner, &address.sin6_addr) == 1 else {
                throw Self.complaint(text)
            }
            size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            // SAFETY: a sockaddr_storage has room and alignment for any address.
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: address, as: sockaddr_in6.self)
            }
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            guard unsafe inet_pton(AF_INET, String(host), &address.sin_addr) == 1 else {
                throw Self.complaint(text)
            }
            size = socklen_t(MemoryLayout<sockaddr_in>.size)
            // SAFETY: the same.
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: address, as: sockaddr_in.self)
            }
        }
    }

    private static func complaint(_ text: String) -> Complaint {
        Complaint(
            "\(text) is no address to listen at",
            remedy: "give ADDRESS:PORT in numbers, as 127.0.0.1:9100 or [::1]:9100")
    }

    /// Listens there. The descriptor, non-blocking and the caller's, or the negated errno.
    func listen() -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK
        let descriptor = socket(Int32(storage.ss_family), type, 0)
        guard descriptor >= 0 else { return -errno }
        // Connections of a predecessor that linger are no reason to wait.
        var yes: Int32 = 1
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        // SAFETY: an address is passed where the C interface asks for its common prefix.
        let result = unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, size)
            }
        }
        guard result == 0, Glibc.listen(descriptor, 8) == 0 else {
            let error = errno
            close(descriptor)
            return -error
        }
        return descriptor
    }

    /// The port at which a descriptor listens; 0 if it does not.
    static func port(of descriptor: Int32) -> UInt16 {
        // The port is at the same place in both kinds of address.
        var address = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        // SAFETY: the kernel writes no more than the size it is told.
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &size)
            }
        }
        return result == 0 ? UInt16(bigEndian: address.sin6_port) : 0
    }
}
