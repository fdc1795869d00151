// SPDX-License-Identifier: Apache-2.0
import Glibc
public import Platform

/// Starts a thread that runs `body` once.
///
/// - Returns: a `pthread_t`, by the type that it is an alias of: whether that alias is a public one
///   depends on which of Glibc's modules the compiler has seen first.
public func startThread(_ body: @escaping @Sendable () -> Void) throws(PlatformError) -> UInt {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    // SAFETY: the box is retained here and released by the thread, exactly once.
    let box = unsafe Unmanaged.passRetained(Box(body))
    let result = unsafe pthread_create(
        &thread, nil,
        { argument in
            if let argument = unsafe argument {
                unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            }
            return nil
        }, box.toOpaque())
    guard result == 0 else {
        unsafe box.release()
        throw PlatformError("pthread_create", errno: result)
    }
    return thread
}
