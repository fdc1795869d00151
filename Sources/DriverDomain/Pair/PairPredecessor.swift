// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import NetBack
import Platform

/// A pair that runs and is to be taken over, as the one who takes over sees it.
struct PairPredecessor: ~Copyable {
    /// The way to its primary, and the primary's pidfd.
    let channel: Int32
    let pidfd: Int32
    private let socket: MemberSocket
    private let region: StateRegion
    private let requests: Int32
    private let claim: Int32
    private let channels: [Int32]

    /// Asks the pair of a domain.
    ///
    /// - Returns: nil when none runs.
    /// - Throws: `Complaint` when it refuses or does not answer.
    static func ask(_ choice: HypervisorChoice) throws -> PairPredecessor? {
        let type = Int32(SOCK_SEQPACKET.rawValue) | O_CLOEXEC
        let descriptor = Glibc.socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else {
            throw Complaint("no socket: errno \(errno)", remedy: "raise `ulimit -n`")
        }
        let socket = MemberSocket(taking: descriptor)
        let result = unsafe AbstractName(prefix: "netbackd-pair:", choice).withAddress {
            unsafe connect(descriptor, $0, $1)
        }
        guard result == 0 else { return nil }
        socket.send(.takeOverPair(version: JournalLayout.version))
        var fixed: [Int32] = []
        var channels: [Int32] = []
        while true {
            switch socket.receive(milliseconds: 5000) {
            case .message(.pair, let descriptors) where descriptors.count == 5:
                fixed = descriptors
            case .message(.descriptors, let descriptors): channels += descriptors
            case .message(.complete, _) where fixed.count == 5:
                return PairPredecessor(
                    region: try StateRegion(attachingTo: fixed[0]), fixed, channels, socket)
            case .message(.refused(let known), _):
                throw Complaint(
                    "the pair that runs keeps a journal of version \(known), and this program "
                        + "knows version \(JournalLayout.version)",
                    remedy: "end it with SIGTERM and --detach-at-exit, then start this one: "
                        + "guests stay connected and wait for a moment")
            case .message, .nothing, .end:
                throw Complaint(
                    "the pair that runs does not answer", remedy: "look at its log, or end it")
            }
        }
    }

    private init(
        region: StateRegion, _ fixed: [Int32], _ channels: [Int32],
        _ socket: consuming MemberSocket
    ) {
        self.region = region
        requests = fixed[1]
        claim = fixed[2]
        channel = fixed[3]
        pidfd = fixed[4]
        self.channels = channels
        self.socket = socket
    }

    /// What outlives its members, which is this process's from now on. To be called once.
    borrowing func takeEstate() -> PairEstate {
        PairEstate(region: region, requests: requests, claim: claim, channels: channels)
    }

    deinit {
        close(channel)
        close(pidfd)
    }

    /// Tells it that everything is held here.
    borrowing func isReady() { socket.send(.ready) }
}
