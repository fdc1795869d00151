// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import NetBack
import Platform

/// Someone who wants to take a pair over, as the pair sees it.
struct HandoverRequest: ~Copyable {
    private let socket: MemberSocket
    /// It holds everything, and the primary was told to let go.
    private(set) var isSwitching = false

    /// What was heard.
    enum News: Equatable {
        case nothing
        /// It asks, and knows journals of this version.
        case asks(version: UInt32)
        /// Its member holds everything.
        case ready
        /// It is gone.
        case end
    }

    /// The next one that waits; nil if there is none.
    init?(acceptingFrom listener: Int32) {
        let accepted = clinux_accept(listener)
        guard accepted >= 0 else { return nil }
        socket = MemberSocket(taking: accepted)
    }

    /// To be waited on.
    var descriptor: Int32 { socket.descriptor }

    /// The socket at which a domain's pair can be asked; its name is no file's, and goes with its
    /// last descriptor.
    static func listen(for choice: HypervisorChoice) throws(PlatformError) -> Int32 {
        let type = Int32(SOCK_SEQPACKET.rawValue) | O_CLOEXEC | O_NONBLOCK
        let descriptor = Glibc.socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw PlatformError("socket", errno: errno) }
        let result = unsafe AbstractName(prefix: "netbackd-pair:", choice).withAddress {
            unsafe bind(descriptor, $0, $1)
        }
        guard result == 0, Glibc.listen(descriptor, 4) == 0 else {
            let error = errno
            close(descriptor)
            throw PlatformError("bind of the pair's socket", errno: error)
        }
        return descriptor
    }

    /// Takes what it said.
    mutating func hear() -> News {
        switch socket.receive() {
        case .message(.takeOverPair(let version), _): return .asks(version: version)
        case .message(.ready, _):
            isSwitching = true
            return .ready
        case .message(_, let descriptors):
            for descriptor in descriptors { close(descriptor) }
            return .nothing
        case .nothing: return .nothing
        case .end: return .end
        }
    }

    /// Says no: this pair's journal is of another version.
    borrowing func refuse(known: UInt32) { socket.send(.refused(reason: known)) }

    /// Gives everything that outlives the members, and the way to the primary.
    borrowing func offer(_ handles: PairHandles, channel: Int32, pidfd: Int32) {
        socket.send(
            .pair(primary: 0), [handles.region, handles.requests, handles.claim, channel, pidfd])
        var left = handles.channels[...]
        while !left.isEmpty {
            let part = left.prefix(MemberSocket.descriptorsMax)
            socket.send(.descriptors(count: UInt32(part.count)), Array(part))
            left = left.dropFirst(part.count)
        }
        socket.send(.complete)
    }
}
