// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform
import Testing

@testable import DriverDomain

@Suite("The metrics endpoint")
struct MetricsEndpointTests {
    /// A client on this machine that waits ten seconds at most.
    private struct Client: ~Copyable {
        let descriptor: Int32

        init(port: UInt16) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
            try #require(descriptor >= 0)
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            unsafe setsockopt(
                descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            // SAFETY: a sockaddr_in is passed where the C interface asks for its common prefix.
            let result = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(descriptor, $0, size)
                }
            }
            try #require(result == 0)
        }

        deinit { close(descriptor) }

        borrowing func send(_ text: String) {
            let bytes = Array(text.utf8)
            _ = unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }

        /// Everything until the end; nil when the connection was reset or no end came.
        borrowing func answer() -> String? {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                // SAFETY: at most the buffer's size is written.
                let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
                if count == 0 { return String(decoding: bytes, as: UTF8.self) }
                guard count > 0 else { return nil }
                bytes += buffer.prefix(count)
            }
        }
    }

    private static func ask(_ text: String, at port: UInt16) throws -> String {
        let client = try Client(port: port)
        client.send(text)
        let answer = client.answer()
        return try #require(answer)
    }

    private static func endpoint() throws -> MetricsEndpoint {
        let region = try SampleRegion.make()
        SampleRegion.describe(0, domain: 7, in: region)
        return try MetricsEndpoint(address: "127.0.0.1:0", region: region)
    }

    @Test("GET /metrics gives the figures, whole")
    func metrics() throws {
        let endpoint = try Self.endpoint()
        let answer = try Self.ask(
            "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n", at: endpoint.port)
        let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
        try #require(parts.count == 2)
        #expect(
            parts[0].split(separator: "\r\n") == [
                "HTTP/1.1 200 OK", "Content-Type: text/plain; version=0.0.4; charset=utf-8",
                "Content-Length: \(parts[1].utf8.count)", "Connection: close",
            ])
        #expect(parts[1].hasPrefix("# HELP netdd_info "))
        #expect(parts[1].contains("\nnetdd_queues_in_use 1\n"))
        #expect(parts[1].hasSuffix("\nnetdd_gap_seconds_count 0\n"))
    }

    @Test(
        "other requests are refused, each with its own status",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
            ("GET /metricsx HTTP/1.1\r\n\r\n", "404 Not Found"),
            ("GET /metrics?a=b HTTP/1.0\r\n\r\n", "200 OK"),
            ("GET /metrics HTTP/1.1\nHost: x\n\n", "200 OK"),
            ("POST /metrics HTTP/1.1\r\n\r\nbody", "405 Method Not Allowed"),
            ("HEAD /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
            ("nonsense\r\n\r\n", "400 Bad Request"),
            ("GET /metrics\r\n\r\n", "400 Bad Request"),
            ("get /metrics HTTP/1.1\r\n\r\n", "400 Bad Request"),
            ("GET metrics HTTP/1.1\r\n\r\n", "400 Bad Request"),
            ("GET /metrics HTTP/2\r\n\r\n", "400 Bad Request"),
            ("\r\n\r\n", "400 Bad Request"),
        ])
    func refusals(request: String, status: String) throws {
        let endpoint = try Self.endpoint()
        let answer = try Self.ask(request, at: endpoint.port)
        #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n"))
        #expect(answer.contains("\r\nAllow: GET\r\n") == status.hasPrefix("405"))
    }

    @Test("a request of more than 8 KiB is refused, one of 8 KiB is not")
    func length() throws {
        let endpoint = try Self.endpoint()
        let (head, tail) = ("GET /metrics HTTP/1.1\r\nX: ", "\r\n\r\n")
        func request(_ count: Int) -> String {
            head + String(repeating: "x", count: count - head.utf8.count - 4) + tail
        }
        #expect(try Self.ask(request(8192), at: endpoint.port).hasPrefix("HTTP/1.1 200 "))
        #expect(try Self.ask(request(8193), at: endpoint.port).hasPrefix("HTTP/1.1 400 "))
        #expect(try Self.ask(request(9216), at: endpoint.port).hasPrefix("HTTP/1.1 400 "))
    }

    @Test("whoever says nothing, or goes away, delays the next one by two seconds at most")
    func silence() throws {
        let endpoint = try Self.endpoint()
        do {
            let gone = try Client(port: endpoint.port)
            gone.send("GET /metrics HTTP/1.1\r\n\r\n")
        }
        let silent = try Client(port: endpoint.port)
        let begin = Instant.now
        let answer = try Self.ask("GET /metrics HTTP/1.1\r\n\r\n", at: endpoint.port)
        let milliseconds = Instant.now.nanoseconds(since: begin) / 1_000_000
        #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
        #expect((1500...8000).contains(milliseconds), "\(milliseconds) ms")
        let end = silent.answer()
        #expect(end == "")
    }

    @Test(
        "an address that is none is refused by name",
        arguments: ["", "127.0.0.1", "127.0.0.1:", "here:1", "127.0.0.1:65536", "::1:80", "[]:1"])
    func addresses(text: String) throws {
        let region = try SampleRegion.make()
        let complaint = #expect(throws: Complaint.self) {
            _ = try MetricsEndpoint(address: text, region: region)
        }
        #expect(complaint?.message == "\(text) is no address to listen at")
    }

    @Test("one that is taken is refused, or waited for")
    func taken() throws {
        let endpoint = try Self.endpoint()
        let region = try SampleRegion.make()
        let address = "127.0.0.1:\(endpoint.port)"
        let complaint = #expect(throws: Complaint.self) {
            _ = try MetricsEndpoint(address: address, region: region)
        }
        #expect(
            complaint?.message
                == "metrics cannot be served at \(address): Address already in use")
        #expect(try MetricsEndpoint(address: address, region: region, waits: true).port == 0)
        // An address of nobody here is not waited for.
        #expect(throws: Complaint.self) {
            _ = try MetricsEndpoint(address: "192.0.2.1:0", region: region, waits: true)
        }
    }

    @Test("an IPv6 address is taken too, where there is IPv6")
    func version6() throws {
        let place = try ListeningAddress("[::1]:0")
        let descriptor = place.listen()
        guard descriptor != -EADDRNOTAVAIL, descriptor != -EAFNOSUPPORT else { return }
        #expect(descriptor >= 0)
        #expect(ListeningAddress.port(of: descriptor) > 0)
        close(descriptor)
    }
}
