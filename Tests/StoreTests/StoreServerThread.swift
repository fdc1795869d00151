// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import Platform
import TestSupport

/// A live store on Unix sockets, served by a thread of its own until it is dropped: dom0 and the
/// guests 1 and 2, which own their homes.
final class StoreServerThread {
    private let directory: TemporaryDirectory
    private let isReady: Int32
    private let mayStop: Int32
    private var thread: TestThread?

    init() throws {
        let directory = try TemporaryDirectory()
        let isReady = eventfd(0, Int32(EFD_CLOEXEC))
        let mayStop = eventfd(0, Int32(EFD_CLOEXEC))
        self.directory = directory
        self.isReady = isReady
        self.mayStop = mayStop
        let path = directory.path
        thread = TestThread {
            StoreServerThread.run(in: path, isReady: isReady, mayStop: mayStop)
        }
        _ = clinux_event_take(isReady)
    }

    deinit {
        _ = clinux_event_raise(mayStop)
        if let thread = thread.take() { thread.join() }
        close(isReady)
        close(mayStop)
    }

    /// Where a domain connects.
    func socketPath(_ domain: UInt16 = 0) -> String { "\(directory.path)/\(domain)" }

    /// If it fails nobody listens, and the test's first request says so.
    private static func run(in directory: String, isReady: Int32, mayStop: Int32) {
        do {
            var server = try start(in: directory)
            _ = clinux_event_raise(isReady)
            while true {
                var polled = [
                    pollfd(fd: server.descriptor, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: mayStop, events: Int16(POLLIN), revents: 0),
                ]
                _ = unsafe poll(&polled, 2, -1)
                if polled[1].revents != 0 { return }
                try server.serve()
            }
        } catch {
            _ = clinux_event_raise(isReady)
        }
    }

    private static func start(in directory: String) throws -> StoreServer {
        let store = EmulatedStore()
        var dom0 = InProcessStore(store, as: .control)
        var server = try StoreServer(store)
        try server.addListener(path: "\(directory)/0", domain: .control)
        for number: UInt16 in [1, 2] {
            store.introduce(DomainID(number))
            try dom0.write("/local/domain/\(number)", "")
            try dom0.setPermissions("/local/domain/\(number)", [.init(number, "n")], in: .none)
            try server.addListener(path: "\(directory)/\(number)", domain: DomainID(number))
        }
        return server
    }
}
