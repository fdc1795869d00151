// SPDX-License-Identifier: Apache-2.0
import NetBack
import Platform
import TestSupport
import Testing

@Suite("Two halves as one queue")
struct QueueJoinTests {
    static let id = QueueID(
        vif: VifID(domain: DomainID(7), device: 1), index: 0, generation: 3)
    static let both = [QueueHalf(id, .transmit), QueueHalf(id, .receive)]

    private func opening() -> QueueJoin {
        var join = QueueJoin()
        join.open(Self.id)
        return join
    }

    private func open() -> QueueJoin {
        var join = opening()
        for half in Self.both { _ = join.take(.opened(half)) }
        return join
    }

    private func counted(_ half: QueueHalf) -> QueueStatistics {
        var statistics = QueueStatistics()
        switch half.direction {
        case .transmit: statistics.transmitPackets = 5
        case .receive: statistics.receivePackets = 9
        }
        statistics.notifications = 2
        return statistics
    }

    private var sum: QueueStatistics {
        var sum = QueueStatistics()
        (sum.transmitPackets, sum.receivePackets, sum.notifications) = (5, 9, 4)
        return sum
    }

    @Test("a queue is open when both halves are, and closed when both are", arguments: both)
    func life(first: QueueHalf) {
        var join = opening()
        #expect(join.take(.opened(first)) == [])
        #expect(join.take(.opened(first.other)) == [.event(.opened(Self.id))])
        #expect(join.close(Self.id) == Self.both.map { .close($0) })
        #expect(join.take(.closed(first, counted(first))) == [])
        #expect(
            join.take(.closed(first.other, counted(first.other))) == [
                .statistics(Self.id, sum, isFinal: true), .event(.closed(Self.id)),
            ])
        #expect(join.close(Self.id) == nil)
    }

    @Test(
        "a half that cannot be opened closes the other, then the queue has failed", arguments: both)
    func failure(failing: QueueHalf) {
        for isOtherOpen in [true, false] {
            var join = opening()
            if isOtherOpen { #expect(join.take(.opened(failing.other)) == []) }
            #expect(join.take(.openFailed(failing, reason: "no")) == [.close(failing.other)])
            // What its worker had done before it read that.
            if !isOtherOpen { #expect(join.take(.opened(failing.other)) == []) }
            #expect(
                join.take(.closed(failing.other, nil)) == [
                    .event(.openFailed(Self.id, reason: "no"))
                ])
            #expect(join.close(Self.id) == nil)
        }
    }

    @Test("two halves that fail are one failure, and the first reason counts")
    func doubleFailure() {
        var join = opening()
        #expect(join.take(.openFailed(Self.both[1], reason: "a")) == [.close(Self.both[0])])
        #expect(
            join.take(.openFailed(Self.both[0], reason: "b")) == [
                .event(.openFailed(Self.id, reason: "a"))
            ])
        // The worker answers the request to close a half that never opened.
        #expect(join.take(.closed(Self.both[0], nil)) == [])
    }

    @Test("a failure that meets a request to close ends as both")
    func failureWhileClosing() {
        var join = opening()
        #expect(join.close(Self.id)?.count == 2)
        #expect(join.take(.openFailed(Self.both[0], reason: "no")) == [])
        #expect(join.take(.opened(Self.both[1])) == [])
        #expect(
            join.take(.closed(Self.both[1], nil)) == [
                .event(.openFailed(Self.id, reason: "no")), .event(.closed(Self.id)),
            ])
    }

    @Test("a fault of one half disables the other and is told once", arguments: both)
    func fault(faulty: QueueHalf) {
        var join = open()
        #expect(
            join.take(.disabled(faulty, fault: "bad")) == [
                .event(.disabled(Self.id, fault: "bad")), .disable(faulty.other),
            ])
        #expect(join.take(.disabled(faulty.other, fault: "worse")) == [])
        #expect(join.close(Self.id)?.count == 2)
    }

    @Test("counters that were asked for are told once both halves have answered")
    func asked() {
        var join = open()
        #expect(join.take(Self.both[0], counted(Self.both[0])) == [])
        #expect(
            join.take(Self.both[1], counted(Self.both[1])) == [
                .statistics(Self.id, sum, isFinal: false)
            ])
        // An answer to an earlier question is not added to one to a later.
        #expect(join.take(Self.both[0], QueueStatistics()) == [])
        join.forgetTold()
        #expect(join.take(Self.both[1], counted(Self.both[1])) == [])
    }

    @Test("whatever workers do, a queue ends exactly once", arguments: 0..<200)
    func anyOrder(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var join = opening()
        // What each worker has yet to do, in its order, and what it has open.
        var requests = [Self.both[0]: ["open"], Self.both[1]: ["open"]]
        var isOpen: Set<QueueHalf> = []
        var told: [QueueJoin.Answer] = []
        func obey(_ answers: [QueueJoin.Answer]) {
            for answer in answers {
                if case .close(let half) = answer { requests[half]?.append("close") }
                told.append(answer)
            }
        }
        var isAsked = false
        while requests.values.contains(where: { !$0.isEmpty }) || !isAsked {
            if !isAsked, Int.random(in: 0..<4, using: &random) == 0 {
                isAsked = true
                if let answers = join.close(Self.id) { obey(answers) }
            }
            let half = Self.both[Int.random(in: 0...1, using: &random)]
            guard requests[half]?.isEmpty == false, let request = requests[half]?.removeFirst()
            else { continue }
            if request == "close" {
                obey(join.take(.closed(half, isOpen.remove(half).map { _ in QueueStatistics() })))
            } else if Int.random(in: 0..<3, using: &random) == 0 {
                obey(join.take(.openFailed(half, reason: "no")))
            } else {
                isOpen.insert(half)
                obey(join.take(.opened(half)))
            }
        }
        #expect(isOpen.isEmpty, "seed \(seed)")
        let ends = told.filter { answer in
            switch answer {
            case .event(.closed), .event(.openFailed): true
            default: false
            }
        }
        let hasBoth = ends.contains(.event(.closed(Self.id))) && ends.count == 2
        #expect(ends.count == 1 || (hasBoth && ends[0] != ends[1]), "seed \(seed): \(told)")
        let openings = told.count { $0 == .event(.opened(Self.id)) }
        #expect(openings <= 1, "seed \(seed)")
        #expect(join.close(Self.id) == nil, "seed \(seed)")
    }
}
