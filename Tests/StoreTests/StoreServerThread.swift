// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import Platform

/// A live store on Unix sockets, served by a thread of its own until it is dropped: dom0 and the
/// guests 1 and 2, which own their homes.
///
/// SAFETY: the thread alone touches the store; it writes `failure` before it signals `isReady`
/// and nothing after that, and is joined before the descriptors are closed.
final class StoreServerThread: @unchecked Sendable {
    private let directory: String
    private let isReady: Int32
    private let mayStop: Int32
    private var thread = pthread_t()
    private var failure: (any Error)?

    init() throws {
        var template = Array("/tmp/store-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        guard unsafe mkdtemp(&template) != nil else { throw PlatformError("mkdtemp", errno: errno) }
        directory = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        isReady = eventfd(0, Int32(EFD_CLOEXEC))
        mayStop = eventfd(0, Int32(EFD_CLOEXEC))
        let start = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                let server = unsafe Unmanaged<StoreServerThread>.fromOpaque(context)
                unsafe server.takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        guard start == 0 else { throw PlatformError("pthread_create", errno: start) }
        var count: UInt64 = 0
        _ = unsafe read(isReady, &count, 8)
        if let failure { throw failure }
    }

    deinit {
        var one: UInt64 = 1
        _ = unsafe write(mayStop, &one, 8)
        pthread_join(thread, nil)
        close(isReady)
        close(mayStop)
        unsafe rmdir(directory)
    }

    /// Where a domain connects.
    func socketPath(_ domain: UInt16 = 0) -> String { "\(directory)/\(domain)" }

    private func run() {
        var one: UInt64 = 1
        do {
            var server = try start()
            _ = unsafe write(isReady, &one, 8)
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
            failure = error
            _ = unsafe write(isReady, &one, 8)
        }
    }

    private func start() throws -> StoreServer {
        let store = EmulatedStore()
        var dom0 = InProcessStore(store, as: .control)
        var server = try StoreServer(store)
        try server.addListener(path: socketPath(), domain: .control)
        for number: UInt16 in [1, 2] {
            store.introduce(DomainID(number))
            try dom0.write("/local/domain/\(number)", "")
            try dom0.setPermissions("/local/domain/\(number)", [.init(number, "n")], in: .none)
            try server.addListener(path: socketPath(number), domain: DomainID(number))
        }
        return server
    }
}
