// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Platform

/// Answers inspectors on this machine, at a socket without a file, in a thread of its own.
///
/// For the user of this process and for root alone. One at a time, and none for long: whoever asks
/// slowly is hung up on.
enum InspectionSocket {
    /// What its name starts with; the domain follows.
    static var prefix: String { "netbackd-inspect:" }

    /// Starts to answer, as soon as no other process does for the domain: the pair whose place this
    /// one takes ends a little later.
    ///
    /// - Throws: `PlatformError` when there is no thread or no descriptor to be had.
    static func serve(
        _ service: InspectionService, for choice: HypervisorChoice
    ) throws(PlatformError) {
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard listener >= 0 else { throw PlatformError("socket", errno: errno) }
        _ = try startThread {
            let name = AbstractName(prefix: prefix, choice)
            while unsafe name.withAddress({ unsafe bind(listener, $0, $1) }) != 0 {
                usleep(500_000)
            }
            listen(listener, 4)
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    // Without descriptors there is nothing to be done but to wait.
                    usleep(100_000)
                    continue
                }
                attend(client, service)
                close(client)
            }
        }
    }

    private static func attend(_ client: Int32, _ service: InspectionService) {
        let user = clinux_peer_user(client)
        guard user == 0 || user == Int(geteuid()) else { return }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        let limitSize = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, limitSize)
        unsafe setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, limitSize)
        var conversation = Conversation()
        var session = InspectionSession(service)
        var buffer = [UInt8](repeating: 0, count: 512)
        while true {
            let count = unsafe recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            guard let questions = conversation.questions(in: buffer.prefix(count)) else { return }
            for question in questions {
                guard send(session.answer(question), to: client) else { return }
            }
        }
    }

    private static func send(_ bytes: [UInt8], to client: Int32) -> Bool {
        var left = bytes[...]
        while !left.isEmpty {
            let count = unsafe left.withUnsafeBytes {
                unsafe Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            left = left.dropFirst(count)
        }
        return true
    }
}
