// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import Platform
import XenPlatform

/// Asks a pair: over its socket on this machine, or from dom0 over a vchan.
public struct InspectionClient: ~Copyable {
    /// What carries questions and answers.
    private enum Link: ~Copyable {
        case socket(Int32)
        case vchan(Vchan)
    }

    private let link: Link
    private var received: [UInt8] = []
    /// An answer of more bytes is none.
    private static var answerMax: Int { 512 << 20 }

    /// Connects to the pair that serves a domain of this machine.
    ///
    /// - Returns: nil when none answers.
    public init?(of choice: HypervisorChoice) {
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return nil }
        let result = unsafe AbstractName(prefix: InspectionSocket.prefix, choice).withAddress {
            unsafe connect(descriptor, $0, $1)
        }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit,
            socklen_t(MemoryLayout<timeval>.size))
        link = .socket(descriptor)
    }

    /// Connects to the pair in a domain, as dom0.
    ///
    /// - Throws: `PlatformError` when none answers there.
    public init(of domain: DomainID) throws(PlatformError) {
        link = .vchan(
            try Vchan(
                connectingTo: domain, at: "/local/domain/\(domain)/\(InspectionVchan.path)"))
    }

    deinit { if case .socket(let descriptor) = link { close(descriptor) } }

    /// Asks, and waits for the answer.
    ///
    /// - Throws: `Complaint` with what the other end says, or when it is gone.
    public mutating func ask(_ question: String) throws -> [UInt8] {
        try send(Array("\(question)\n".utf8))
        let line = try receiveLine()
        let words = line.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0] == "ok", let count = Int(words[1]), count >= 0,
            count <= Self.answerMax
        else {
            let text = line.hasPrefix("error ") ? line.dropFirst(6) : "it does not make sense"
            throw Complaint("the pair refuses \(question): \(text)", remedy: nil)
        }
        while received.count < count { try receive() }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    private func send(_ bytes: [UInt8]) throws {
        let isSent: Bool
        switch link {
        case .vchan(let vchan): isSent = vchan.write(bytes)
        case .socket(let descriptor):
            isSent =
                unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.send(
                        descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                } == bytes.count
        }
        guard isSent else { throw Complaint("the pair is gone", remedy: nil) }
    }

    private mutating func receive() throws {
        switch link {
        case .vchan(let vchan):
            guard let bytes = vchan.read(1 << 16) else {
                throw Complaint("the pair is gone", remedy: nil)
            }
            received += bytes
        case .socket(let descriptor):
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                throw Complaint("the pair does not answer", remedy: "is its parent stopped?")
            }
            received += buffer.prefix(count)
        }
    }

    private mutating func receiveLine() throws -> String {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: received[..<end], as: UTF8.self)
                received.removeFirst(end + 1)
                return line
            }
            guard received.count < 4096 else {
                throw Complaint("the pair's answer does not make sense", remedy: nil)
            }
            try receive()
        }
    }
}
