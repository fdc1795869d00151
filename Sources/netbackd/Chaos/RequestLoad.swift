// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import Histogram
import Synchronization

/// Requests and answers over one TCP connection of a guest with the host, one at a time.
final class RequestLoad: Sendable {
    private static var messageSize: Int { 64 }
    private static var pauseMicroseconds: UInt32 { 1000 }

    private struct State {
        var latencies = Histogram<UInt64>(
            highestTrackableValue: 20_000_000_000, numberOfSignificantValueDigits: .three)
        var failure: String?
    }

    private let listener: Int32
    private let client: Int32
    private let isRunning = Atomic<Bool>(true)
    private let state = Mutex(State())
    private let threads = Mutex<[pthread_t]>([])

    /// Connects and starts both ends.
    init(guest: String, host: String, port: UInt16) throws {
        listener = try FlowSocket.accepting(port: port, in: nil)
        do {
            client = try FlowSocket.stream(to: host, port: port, in: guest)
        } catch {
            close(listener)
            throw error
        }
        let server = try startThread { self.answer() }
        let asker = try startThread { self.ask() }
        threads.withLock { $0 = [asker, server] }
    }

    deinit {
        close(client)
        close(listener)
    }

    /// How long answers took, and why it ended before it was stopped, if it did.
    func stop() -> (latencies: Histogram<UInt64>, failure: String?) {
        isRunning.store(false, ordering: .relaxed)
        let taken = threads.withLock { threads -> [pthread_t] in
            defer { threads = [] }
            return threads
        }
        for (number, thread) in taken.enumerated() {
            pthread_join(thread, nil)
            // The server reads until the client's end is closed.
            if number == 0 { shutdown(client, Int32(SHUT_RDWR)) }
        }
        return state.withLock { ($0.latencies, $0.failure) }
    }

    private func ask() {
        var message = [UInt8](repeating: 0x3C, count: Self.messageSize)
        while isRunning.load(ordering: .relaxed) {
            let start = UInt64.now
            guard Self.write(client, message), Self.read(client, &message) else {
                let error = errno
                state.withLock { $0.failure = "a TCP connection broke: errno \(error)" }
                return
            }
            let took = UInt64.now - start
            state.withLock { _ = $0.latencies.record(took) }
            usleep(Self.pauseMicroseconds)
        }
    }

    private func answer() {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        defer { close(connection) }
        // Whatever happens to the path: it ends a while after the client.
        FlowSocket.setPatience(of: connection, seconds: 15)
        var message = [UInt8](repeating: 0, count: Self.messageSize)
        while Self.read(connection, &message), Self.write(connection, message) {}
    }

    private static func write(_ descriptor: Int32, _ message: [UInt8]) -> Bool {
        unsafe send(descriptor, message, message.count, Int32(MSG_NOSIGNAL))
            == message.count
    }

    private static func read(_ descriptor: Int32, _ message: inout [UInt8]) -> Bool {
        let wanted = message.count
        return unsafe recv(descriptor, &message, wanted, Int32(MSG_WAITALL)) == wanted
    }
}
