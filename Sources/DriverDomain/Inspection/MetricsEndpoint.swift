// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Platform

/// Answers Prometheus: `GET /metrics` over HTTP/1.1, in a thread that runs until the process ends.
///
/// One client at a time and none for long: two seconds for its request, two for the answer. The
/// thread also takes the pair's events, once a second at least.
struct MetricsEndpoint {
    /// A client's time for its request, and the same again for the answer, in nanoseconds.
    private static let patience: UInt64 = 2_000_000_000
    /// How long a client may take to hang up, so that it can read what it was told.
    private static let farewell: UInt64 = 200_000_000
    /// How often events are taken while nobody asks.
    private static let period: UInt64 = 1_000_000_000

    /// Where it listens; 0 while another process still has the address.
    let port: UInt16

    /// Starts to answer at `ADDRESS:PORT` or `[ADDRESS]:PORT`.
    ///
    /// With `waits`, an address that is taken is tried again and again: the pair whose place this
    /// one takes has it for as long as it lives.
    ///
    /// - Throws: `Complaint` naming the address, when it is none or cannot be had.
    init(address: String, region: StateRegion, waits: Bool = false) throws {
        let place = try ListeningAddress(address)
        let listener = place.listen()
        guard listener >= 0 || waits && listener == -EADDRINUSE else {
            throw Complaint(
                "metrics cannot be served at \(address): "
                    + (unsafe String(cString: strerror(-listener))),
                remedy: "give an address of this machine and a port that is free")
        }
        port = listener >= 0 ? ListeningAddress.port(of: listener) : 0
        do throws(PlatformError) {
            let thread = try startThread {
                unsafe clinux_set_thread_name("metrics")
                Self.serve(at: place, listener, region)
            }
            pthread_detach(thread)
        } catch {
            if listener >= 0 { close(listener) }
            throw error
        }
    }

    private static func serve(
        at place: ListeningAddress, _ first: Int32, _ region: StateRegion
    ) -> Never {
        var listener = first
        var metrics = Metrics()
        while true {
            metrics.take(from: region.view)
            guard listener >= 0 else {
                sleep(1)
                listener = place.listen()
                continue
            }
            let end = Instant.now.advanced(byNanoseconds: period)
            guard wait(for: POLLIN, of: listener, until: end) else { continue }
            let client = clinux_accept(listener)
            guard client >= 0 else {
                // Without descriptors there is nothing to be done but to wait.
                if errno == EMFILE || errno == ENFILE || errno == ENOMEM { usleep(100_000) }
                continue
            }
            attend(client, region, &metrics)
            close(client)
        }
    }

    /// False when the time is over first.
    private static func wait(for events: Int32, of descriptor: Int32, until end: Instant) -> Bool {
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            // SAFETY: one local element, and its count.
            let count = unsafe poll(&waiting, 1, .milliseconds(until: end, from: .now))
            if count > 0 { return true }
            if count == 0 || errno != EINTR { return false }
        }
    }

    private static func attend(_ client: Int32, _ region: StateRegion, _ metrics: inout Metrics) {
        let end = Instant.now.advanced(byNanoseconds: patience)
        var request = MetricsRequest()
        var verdict: MetricsRequest.Verdict?
        while verdict == nil {
            guard let bytes = receive(from: client, until: end), !bytes.isEmpty else { return }
            verdict = request.take(bytes)
        }
        let answer: [UInt8]
        switch verdict {
        case .metrics:
            metrics.take(from: region.view)
            answer = Self.answer("200 OK", metrics.text(of: region.view, at: .now))
        case .notFound: answer = Self.answer("404 Not Found", "see /metrics\n")
        case .methodNotAllowed:
            answer = Self.answer("405 Method Not Allowed", "only GET\n", "Allow: GET\r\n")
        case .badRequest, nil: answer = Self.answer("400 Bad Request", "no HTTP request\n")
        }
        guard send(answer, to: client) else { return }
        // What a client still has to say would make the kernel throw the answer away at close.
        shutdown(client, Int32(SHUT_WR))
        let farewell = Instant.now.advanced(byNanoseconds: farewell)
        while let bytes = receive(from: client, until: farewell), !bytes.isEmpty {}
    }

    private static func answer(_ status: String, _ body: String, _ more: String = "") -> [UInt8] {
        let body = Array(body.utf8)
        let head = """
            HTTP/1.1 \(status)\r
            Content-Type: \(PrometheusText.contentType)\r
            Content-Length: \(body.count)\r
            Connection: close\r
            \(more)\r

            """
        return Array(head.utf8) + body
    }

    /// What came, empty at the end; nil when nothing came in time, or the client is gone.
    private static func receive(from client: Int32, until end: Instant) -> [UInt8]? {
        // A client that never stops to talk is always readable.
        guard Instant.now < end, wait(for: POLLIN, of: client, until: end) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        // SAFETY: at most the buffer's size is written.
        let count = unsafe recv(client, &buffer, buffer.count, 0)
        return count >= 0 ? Array(buffer.prefix(count)) : nil
    }

    /// False when the client is gone, or too slow.
    private static func send(_ bytes: [UInt8], to client: Int32) -> Bool {
        let end = Instant.now.advanced(byNanoseconds: patience)
        var sent = 0
        while sent < bytes.count {
            guard Instant.now < end, wait(for: POLLOUT, of: client, until: end) else {
                return false
            }
            // SAFETY: the rest of the array, for the length of the call.
            let count = unsafe bytes.withUnsafeBytes { buffer in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[sent...])
                return unsafe Glibc.send(client, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count >= 0 else {
                if errno == EAGAIN || errno == EINTR { continue }
                return false
            }
            sent += count
        }
        return true
    }
}
