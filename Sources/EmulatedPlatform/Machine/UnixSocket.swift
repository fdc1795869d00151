// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Platform

/// Datagram sockets that keep order and know when the peer is gone (SOCK_SEQPACKET).
enum UnixSocket {
    /// Connects; the caller owns the descriptor.
    static func connect(path: String) throws(PlatformError) -> Int32 {
        let socket = try open()
        guard try unsafe withAddress(path, { unsafe Glibc.connect(socket, $0, $1) }) == 0 else {
            let reason = errno
            close(socket)
            throw PlatformError("connect", errno: reason)
        }
        return socket
    }

    /// Makes a socket in the file system that only its owner may connect to, and listens on it.
    static func listen(path: String) throws(PlatformError) -> Int32 {
        let socket = try open()
        guard try unsafe withAddress(path, { unsafe bind(socket, $0, $1) }) == 0,
            unsafe chmod(path, 0o600) == 0, Glibc.listen(socket, 16) == 0
        else {
            let reason = errno
            close(socket)
            throw PlatformError("bind", errno: reason)
        }
        return socket
    }

    /// One datagram with its descriptors; nil when none can be had. Bytes after the size of a
    /// message are cut to one too many, so that whoever decodes it sees the wrong size.
    static func receive(from socket: Int32) -> (bytes: ArraySlice<UInt8>, descriptors: [Int32])? {
        var bytes = [UInt8](repeating: 0, count: MachineMessage.size + 1)
        var descriptors = [Int32](repeating: -1, count: Int(CLINUX_FDS_MAX))
        var count: Int32 = 0
        let capacity = bytes.count
        // SAFETY: both arrays have the sizes that the call is told or promises to stay within.
        let size = unsafe clinux_receive_fds(socket, &bytes, capacity, &descriptors, &count)
        guard size >= 0 else { return nil }
        let received = Array(descriptors.prefix(Int(count)))
        if size == 0 {
            for descriptor in received { close(descriptor) }
            errno = ENOTCONN
            return nil
        }
        return (bytes.prefix(size), received)
    }

    private static func open() throws(PlatformError) -> Int32 {
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw PlatformError("socket", errno: errno) }
        return descriptor
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(PlatformError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { throw PlatformError("bind", errno: ENAMETOOLONG) }
        // SAFETY: the path with its final zero byte fits, as was just checked.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            unsafe bytes.copyBytes(from: path.utf8)
        }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
