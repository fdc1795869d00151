// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A thread of a test, to be joined exactly once.
@safe
package struct TestThread: ~Copyable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private let thread: pthread_t

    package init(_ run: @escaping @Sendable () -> Void) {
        // SAFETY: the new thread takes back exactly the reference retained here.
        let body = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
        var thread = pthread_t()
        let result = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            }, body)
        precondition(result == 0, "pthread_create failed")
        self.thread = thread
    }

    /// Waits until the thread has ended.
    package consuming func join() { pthread_join(thread, nil) }
}
