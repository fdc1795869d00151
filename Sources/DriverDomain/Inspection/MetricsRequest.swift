// SPDX-License-Identifier: Apache-2.0

/// A request of HTTP/1, as far as the metrics endpoint needs to understand it.
struct MetricsRequest {
    /// Bytes of a request's head, its empty line included.
    static let sizeMax = 8192

    /// What is to be answered.
    enum Verdict: Equatable {
        case metrics
        case notFound
        case methodNotAllowed
        case badRequest
    }

    private var bytes: [UInt8] = []

    /// Takes bytes as they come.
    ///
    /// - Returns: nil while there must be more.
    mutating func take(_ more: some Sequence<UInt8>) -> Verdict? {
        for byte in more {
            guard bytes.count < Self.sizeMax else { return .badRequest }
            bytes.append(byte)
            guard byte == UInt8(ascii: "\n") else { continue }
            let isEnd = bytes.suffix(4) == [13, 10, 13, 10] || bytes.suffix(2) == [10, 10]
            if isEnd { return verdict }
        }
        return nil
    }

    private var verdict: Verdict {
        var line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        if line.last == 13 { line.removeLast() }
        let words = String(decoding: line, as: UTF8.self)
            .split(separator: " ", omittingEmptySubsequences: false)
        let isMethod = { (word: Substring) in
            !word.isEmpty && word.utf8.allSatisfy { (65...90).contains($0) }
        }
        guard words.count == 3, isMethod(words[0]), words[1].hasPrefix("/"),
            words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0"
        else { return .badRequest }
        guard words[1].prefix(while: { $0 != "?" }) == "/metrics" else { return .notFound }
        return words[0] == "GET" ? .metrics : .methodNotAllowed
    }
}
