// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Follows the log of a pair while it is written.
struct PairLog: ~Copyable {
    /// A worker that has taken over.
    struct Start: Sendable {
        var worker: UInt64
        var lockedAt: UInt64
        var readyAt: UInt64
    }

    /// What it said that matters here, since `take` was called last.
    struct News: Sendable {
        var primaries: [Int32] = []
        var shadows: [Int32] = []
        var starts: [Start] = []
        var firstPackets: [(worker: UInt64, at: UInt64)] = []
        /// When the shadow gave the primary up, and why.
        var givenUp: [(at: UInt64, reason: String)] = []
        /// How primaries ended.
        var ends: [String] = []
        /// Lines of warnings and errors that no fault explains.
        var complaints: [String] = []

        mutating func add(_ later: News) {
            primaries += later.primaries
            shadows += later.shadows
            starts += later.starts
            firstPackets += later.firstPackets
            givenUp += later.givenUp
            ends += later.ends
            complaints += later.complaints
        }
    }

    private let descriptor: Int32
    private var partial: [UInt8] = []

    /// Opens it from the beginning.
    init(path: String) {
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Reads what is new.
    mutating func take() -> News {
        var news = News()
        var bytes = [UInt8](repeating: 0, count: 65536)
        let capacity = bytes.count
        while true {
            let count = unsafe read(descriptor, &bytes, capacity)
            guard count > 0 else { break }
            partial += bytes.prefix(count)
        }
        while let end = partial.firstIndex(of: UInt8(ascii: "\n")) {
            Self.parse(String(decoding: partial[..<end], as: UTF8.self), &news)
            partial.removeFirst(end + 1)
        }
        return news
    }

    private static func parse(_ line: String, _ news: inout News) {
        let pid = number("member", in: line).map(Int32.init(truncatingIfNeeded:))
        if line.contains("msg=primary "), let pid {
            news.primaries.append(pid)
        } else if line.contains("msg=shadow "), let pid {
            news.shadows.append(pid)
        } else if line.contains("msg=\"took over\""), let worker = number("worker", in: line),
            let locked = number("locked_ns", in: line), let ready = number("ready_ns", in: line)
        {
            news.starts.append(Start(worker: worker, lockedAt: locked, readyAt: ready))
        } else if line.contains("msg=\"first packet\""), let worker = number("worker", in: line),
            let at = number("first_packet_ns", in: line)
        {
            news.firstPackets.append((worker, at))
        } else if line.contains("the primary is given up"), let at = number("at_ns", in: line) {
            news.givenUp.append((at, line))
        } else if line.contains("msg=\"primary ended\"") {
            // level=... msg="primary ended" cause="exit code 0" member=...
            let parts = line.split(separator: "\"")
            news.ends.append(parts.count > 3 ? String(parts[3]) : line)
        } else if isOdd(line) {
            news.complaints.append(line)
        }
    }

    /// Warnings and worse, less those that every fault makes.
    private static func isOdd(_ line: String) -> Bool {
        guard
            ["level=warning", "level=error", "level=critical"].contains(where: line.contains)
                || !line.contains("level=")
        else { return false }
        return !["primary ended", "a fault on purpose", "the shadow is gone"]
            .contains(where: line.contains)
    }

    private static func number(_ key: String, in line: String) -> UInt64? {
        for field in line.split(separator: " ") where field.hasPrefix(key + "=") {
            return UInt64(field.dropFirst(key.count + 1))
        }
        return nil
    }
}
