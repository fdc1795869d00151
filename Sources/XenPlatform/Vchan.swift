// SPDX-License-Identifier: Apache-2.0
internal import CXen
import Glibc
public import Platform

/// One end of a byte stream between two domains, through libxenvchan. Blocks; for one thread.
///
/// SAFETY: `handle` comes from an init of libxenvchan and is closed in deinit alone.
@safe
public struct Vchan: ~Copyable {
    private let handle: UnsafeMutablePointer<libxenvchan>

    /// Bytes that may be on their way to the server, and from it.
    private static var requestRoom: Int { 1024 }
    private static var answerRoom: Int { 1 << 16 }

    /// Waits for `domain` below a node of our own, whose parents we may write.
    ///
    /// - Throws: `PlatformError`; ENOENT when the module xen-gntalloc is not loaded.
    public init(servingDomain domain: DomainID, at path: String) throws(PlatformError) {
        guard
            let handle = unsafe libxenvchan_server_init(
                nil, Int32(domain.rawValue), path, Self.requestRoom, Self.answerRoom)
        else { throw PlatformError("libxenvchan_server_init", errno: errno) }
        unsafe cxen_vchan_block(handle)
        unsafe self.handle = handle
    }

    /// Connects to the server in a domain.
    ///
    /// - Throws: `PlatformError` when there is none.
    public init(connectingTo domain: DomainID, at path: String) throws(PlatformError) {
        guard
            let handle = unsafe libxenvchan_client_init(nil, Int32(domain.rawValue), path)
        else { throw PlatformError("libxenvchan_client_init", errno: errno) }
        unsafe cxen_vchan_block(handle)
        unsafe self.handle = handle
    }

    deinit { unsafe libxenvchan_close(handle) }

    /// Reads what is there, up to a count; waits for the first byte.
    ///
    /// - Returns: nil when the other end is gone.
    public func read(_ countMax: Int) -> [UInt8]? {
        guard countMax > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: countMax)
        let count = unsafe libxenvchan_read(handle, &bytes, countMax)
        return count > 0 ? Array(bytes.prefix(Int(count))) : nil
    }

    /// Writes all of it.
    ///
    /// - Returns: false when the other end is gone.
    public func write(_ bytes: [UInt8]) -> Bool {
        var left = bytes[...]
        while !left.isEmpty {
            let count = unsafe left.withUnsafeBytes {
                unsafe libxenvchan_write(handle, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return false }
            left = left.dropFirst(Int(count))
        }
        return true
    }
}
