// SPDX-License-Identifier: Apache-2.0
// Tx is the guest's direction.
import Netif
import Ring
import SharedMemory

/// Compares every answer that becomes visible in a Tx ring with the requests as they were posted.
///
/// It knows nothing of how a backend works. R1: answer i answers request i. R2: `rsp_prod` moves
/// from packet to packet. R4 and R5 show here too: an answer that was written too early, or a
/// request that was read after it was overwritten, gives an id or a status that is wrong.
struct AnswerChecker {
    private struct Request {
        /// Nil for an extra info.
        var id: UInt16?
        var packet: TransmitCase
        /// Nothing of the packet follows.
        var isLast: Bool
    }

    private let words: MappedWords
    private var requests: [Request] = []
    private let start: RingIndex
    private var seenCount: UInt32 = 0
    /// Statuses of refused packets may be either, after a crash.
    var isRefusalHidden = false
    /// What is wrong.
    private(set) var violations: [String] = []

    init(words: MappedWords, start: RingIndex) {
        self.words = words
        self.start = start
    }

    /// Requests that were posted and have no answer yet.
    var unansweredCount: Int { requests.count - Int(seenCount) }

    /// Notes the `slotCount` requests of a packet that were written and are not yet published.
    mutating func note(_ packet: TransmitCase, slotCount: Int, extraCount: Int) {
        for slot in 0..<slotCount {
            let index = start.advanced(by: UInt32(requests.count))
            let isExtra = slot >= 1 && slot <= extraCount
            // Bytes 8 and 9 of a Tx request.
            let word = words.loadRelaxed(at: TransmitFormat.firstWord(of: index) + 2)
            requests.append(
                Request(
                    id: isExtra ? nil : UInt16(truncatingIfNeeded: word), packet: packet,
                    isLast: slot == slotCount - 1))
        }
    }

    /// The place of the last request, to be spoilt before it is published.
    var lastWord: Int {
        TransmitFormat.firstWord(of: start.advanced(by: UInt32(requests.count - 1)))
    }

    /// Looks at every answer that was not yet there the last time.
    mutating func look() {
        let published = RingIndex(words.loadAcquire(at: RingLayout.responseProducer))
        let count = published.distance(from: start)
        guard count >= seenCount, count <= UInt32(requests.count) else {
            violations.append(
                "R2: rsp_prod \(published) with \(seenCount) of \(requests.count) answered")
            return
        }
        for number in seenCount..<count { check(Int(number)) }
        if count > 0, !requests[Int(count) - 1].isLast {
            violations.append("R2: rsp_prod \(published) lies within a packet")
        }
        seenCount = count
    }

    private mutating func check(_ number: Int) {
        let index = start.advanced(by: UInt32(number))
        let word = words.loadRelaxed(at: TransmitFormat.firstWord(of: index))
        let id = UInt16(truncatingIfNeeded: word)
        let status = Int16(truncatingIfNeeded: word >> 16)
        let request = requests[number]
        guard let expected = request.id else {
            if status != ResponseStatus.null {
                violations.append("R1: \(index) is an extra info's, and has status \(status)")
            }
            return
        }
        if id != expected {
            violations.append("R1: \(index) answers id \(id) instead of \(expected)")
        }
        let isRight =
            status == request.packet.status
            || isRefusalHidden && request.packet.kind == .refused
        if !isRight {
            violations.append(
                "R4: \(index), packet \(request.packet.number), has status \(status)")
        }
    }
}
