// SPDX-License-Identifier: Apache-2.0

/// A service of the host or of Xen failed: which operation, with which errno. Nothing else, so
/// that throwing it costs nothing on the packet path.
public struct PlatformError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The C function or request that failed, as an operator would search for it.
    public var operation: StaticString
    /// The errno it failed with.
    public var errno: Int32

    /// Takes the parts as they are.
    @inlinable
    public init(_ operation: StaticString, errno: Int32) {
        self.operation = operation
        self.errno = errno
    }

    /// Compares part by part.
    public static func == (left: PlatformError, right: PlatformError) -> Bool {
        left.errno == right.errno && "\(left.operation)" == "\(right.operation)"
    }

    /// As an operator reads it in a log.
    public var description: String { "\(operation) failed: errno \(errno)" }

    /// The store or the kernel said that we may not: EACCES, 13 on Linux.
    public var isPermissionDenied: Bool { errno == 13 }
}
