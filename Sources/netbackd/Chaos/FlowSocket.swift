// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import HostNetwork

/// Sockets in the network namespaces of a scenario.
enum FlowSocket {
    private static var bufferSize: Int32 { 4 << 20 }
    // From <asm-generic/socket.h>: the importer does not see them.
    private static var receiveBufferForce: Int32 { 33 }
    private static var memoryInformation: Int32 { 55 }

    /// A UDP socket bound to a port of every address.
    static func listening(port: UInt16, in namespace: String?) throws -> Int32 {
        let descriptor = try open(SOCK_DGRAM, in: namespace)
        var size = bufferSize
        // Without the privilege the kernel's limit holds; what it drops is counted.
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, receiveBufferForce, &size, UInt32(MemoryLayout<Int32>.size))
        try bind(descriptor, port: port)
        return descriptor
    }

    /// A UDP socket whose datagrams go to an address.
    static func connected(
        to address: String, port: UInt16, in namespace: String?
    ) throws -> Int32 {
        let descriptor = try open(SOCK_DGRAM, in: namespace)
        try connect(descriptor, to: address, port: port)
        return descriptor
    }

    /// A TCP socket that listens.
    static func accepting(port: UInt16, in namespace: String?) throws -> Int32 {
        let descriptor = try open(SOCK_STREAM, in: namespace)
        try bind(descriptor, port: port)
        guard listen(descriptor, 4) == 0 else { throw failure("listen", closing: descriptor) }
        return descriptor
    }

    /// A TCP connection that waits for an answer for some seconds at most.
    static func stream(to address: String, port: UInt16, in namespace: String?) throws -> Int32 {
        let descriptor = try open(SOCK_STREAM, in: namespace)
        setPatience(of: descriptor, seconds: 10)
        var yes: Int32 = 1
        _ = unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, UInt32(MemoryLayout<Int32>.size))
        try connect(descriptor, to: address, port: port)
        return descriptor
    }

    /// Bounds every wait for what a socket receives, or has room to send.
    static func setPatience(of descriptor: Int32, seconds: Int) {
        var patience = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            _ = unsafe setsockopt(
                descriptor, SOL_SOCKET, option, &patience, UInt32(MemoryLayout<timeval>.size))
        }
    }

    /// Datagrams that a socket itself dropped for want of room.
    static func drops(of descriptor: Int32) -> UInt32 {
        // SK_MEMINFO_VARS words, of which the last is SK_MEMINFO_DROPS.
        var words = [UInt32](repeating: 0, count: 9)
        var size = UInt32(4 * words.count)
        let result = unsafe getsockopt(
            descriptor, SOL_SOCKET, memoryInformation, &words, &size)
        return result == 0 ? words[8] : 0
    }

    private static func open(_ type: __socket_type, in namespace: String?) throws -> Int32 {
        let kind = Int32(type.rawValue) | O_CLOEXEC
        var descriptor: Int32 = -1
        if let namespace {
            try NetworkNamespace.named(namespace).within { () throws(HostNetworkError) in
                descriptor = socket(AF_INET, kind, 0)
            }
        } else {
            descriptor = socket(AF_INET, kind, 0)
        }
        guard descriptor >= 0 else {
            throw Complaint("no socket: errno \(errno)", remedy: nil)
        }
        return descriptor
    }

    private static func bind(_ descriptor: Int32, port: UInt16) throws {
        var yes: Int32 = 1
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, UInt32(MemoryLayout<Int32>.size))
        let result = unsafe withAddress("0.0.0.0", port) { unsafe Glibc.bind(descriptor, $0, $1) }
        guard result == 0 else { throw failure("bind", closing: descriptor) }
    }

    private static func connect(_ descriptor: Int32, to address: String, port: UInt16) throws {
        let result = unsafe withAddress(address, port) { unsafe Glibc.connect(descriptor, $0, $1) }
        guard result == 0 else { throw failure("connect to \(address)", closing: descriptor) }
    }

    // SAFETY: the address lives for the length of the call.
    private static func withAddress(
        _ address: String, _ port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var name = sockaddr_in()
        name.sin_family = UInt16(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = unsafe inet_addr(address)
        return unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, UInt32(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func failure(_ what: String, closing descriptor: Int32) -> Complaint {
        let error = errno
        close(descriptor)
        return Complaint("\(what) failed: errno \(error)", remedy: nil)
    }
}
