// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import Platform

/// A machine of processes on a thread of its own, in a directory of its own under /tmp.
final class MachineThread {
    let directory: String
    private let thread: pthread_t
    private let stop: Int32

    /// What the thread is given, and its answer.
    private final class Start {
        let directory: String
        let stop: Int32
        let ready: Int32

        init(directory: String, stop: Int32, ready: Int32) {
            self.directory = directory
            self.stop = stop
            self.ready = ready
        }

        func run() {
            do {
                var server = try MachineServer.start(in: directory)
                _ = clinux_event_raise(ready)
                try server.run(until: stop)
            } catch {
                fatalError("the machine failed: \(error)")
            }
        }
    }

    init() throws(PlatformError) {
        var template = Array("/tmp/netdd-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw PlatformError("mkdtemp", errno: errno)
        }
        directory = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        stop = eventfd(0, Int32(EFD_CLOEXEC))
        let ready = eventfd(0, Int32(EFD_CLOEXEC))
        defer { close(ready) }
        let start = Start(directory: directory, stop: stop, ready: ready)
        var thread = pthread_t()
        // SAFETY: the retained object is released by the thread, which takes it over.
        let failure = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            },
            Unmanaged.passRetained(start).toOpaque())
        guard failure == 0 else { throw PlatformError("pthread_create", errno: failure) }
        self.thread = thread
        _ = clinux_event_take(ready)
    }

    deinit {
        _ = clinux_event_raise(stop)
        pthread_join(thread, nil)
        close(stop)
        unsafe rmdir(directory)
    }

    func hypervisor(_ domain: DomainID) -> String {
        MachineSockets(of: domain, in: directory).hypervisor
    }
}
