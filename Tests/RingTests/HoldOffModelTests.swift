// SPDX-License-Identifier: Apache-2.0
import Ring
import SharedMemory
import TestSupport
import Testing

/// Who publishes and who is about to sleep.
enum Direction: CaseIterable, Sendable {
    /// The frontend publishes requests, the backend sleeps.
    case requests
    /// The backend publishes responses, the frontend sleeps.
    case responses
}

/// Every execution of one side publishing while the other side makes its final check, with the
/// real code of both. The losing interleaving, without the fence, is:
///
///     publisher: store prod (waits in its buffer)   sleeper: store event (waits in its buffer)
///     publisher: load event, old: no notification   sleeper: load prod, old: sleeps
///     both stores become visible: work is there, the sleeper sleeps, nobody tells it.
@Suite struct HoldOffModelTests {
    @Test(
        "no interleaving of publishing and falling asleep loses a wake-up",
        arguments: Direction.allCases, [1, 2])
    func fenceSuffices(direction: Direction, publications: Int) throws {
        for order in [StoreBufferModel.StoreOrder.total, .partial] {
            let model = try explore(direction, publications: publications, order: order)
            #expect(model.stateCount > 50)
            #expect(model.outcomes.contains { $0[0].contains(1) }, "some execution notifies")
            #expect(model.outcomes.contains { $0[1].isEmpty }, "some execution sleeps")
            #expect(lostWakeUps(model) == 0)
        }
    }

    @Test(
        "without the full fence some interleaving loses a wake-up",
        arguments: Direction.allCases, [1, 2])
    func fenceMatters(direction: Direction, publications: Int) throws {
        let model = try explore(
            direction, publications: publications, order: .total, fencesAct: false)
        #expect(lostWakeUps(model) > 0)
    }

    @Test("a published slot is complete when its index is seen", arguments: Direction.allCases)
    func releaseSuffices(direction: Direction) throws {
        let model = try explore(direction, publications: 2, order: .partial)
        #expect(tornSlots(model) == 0)
    }

    @Test(
        "without the release a slot can be seen before its words are there",
        arguments: Direction.allCases)
    func releaseMatters(direction: Direction) throws {
        let model = try explore(direction, publications: 1, order: .partial, releasesAct: false)
        #expect(tornSlots(model) > 0)
    }

    /// Executions in which the sleeper sleeps and no publication asked for a notification.
    private func lostWakeUps(_ model: StoreBufferModel) -> Int {
        model.outcomes.count { $0[1].isEmpty && !$0[0].contains(1) }
    }

    /// Executions in which the sleeper saw a slot other than the one written.
    private func tornSlots(_ model: StoreBufferModel) -> Int {
        model.outcomes.count { outcome in
            outcome[1].enumerated().contains { $0.element != 1000 + UInt32($0.offset) }
        }
    }

    /// Outcome of program 0: 1 or 0 per publication, whether to notify. Of program 1: the first
    /// word of each slot seen, nothing when it sleeps.
    private func explore(
        _ direction: Direction, publications: Int, order: StoreBufferModel.StoreOrder,
        fencesAct: Bool = true, releasesAct: Bool = true
    ) throws -> StoreBufferModel {
        let start = RingIndex(UInt32.max)
        let page = CountedWords()
        var front = FrontRing<CountedWords, TxShape>(initializing: page, startingAt: start)
        var programs: [StoreBufferModel.Program]
        switch direction {
        case .requests:
            programs = [
                { words in publishRequests(publications, on: words, from: start) },
                { words in receiveRequests(on: words, from: start) },
            ]
        case .responses:
            for _ in 0..<publications { front.stageRequest(SlotWords(0)) }
            _ = front.publishRequests()
            let requests = front.publishedRequests
            programs = [
                { words in publishResponses(publications, on: words, from: start) },
                { words in receiveResponses(on: words, from: start, to: requests) },
            ]
        }
        // The sleeper was woken once and has not armed its event since.
        let stale = start.rawValue
        page.storeRelaxed(stale, at: RingLayout.requestEvent)
        page.storeRelaxed(stale, at: RingLayout.responseEvent)
        return StoreBufferModel(
            memory: page.words, order: order, fencesAct: fencesAct, releasesAct: releasesAct,
            programs: programs)
    }
}

private func publishRequests(
    _ count: Int, on words: ScheduledWords, from start: RingIndex
) -> [UInt32] {
    var front = FrontRing<ScheduledWords, TxShape>(initializing: words, startingAt: start)
    words.begin()
    return (0..<UInt32(count)).map { number in
        front.stageRequest(SlotWords(1000 + number))
        return front.publishRequests() ? 1 : 0
    }
}

private func receiveRequests(on words: ScheduledWords, from start: RingIndex) -> [UInt32] {
    let state = BackRingState(
        requestConsumer: start, privateResponseProducer: start, publishedResponses: start)
    guard
        var back = try? BackRing<ScheduledWords, TxShape>(resuming: state, over: words)
    else { return [] }
    words.begin()
    guard (try? back.finalCheckForRequests()) == true,
        let count = try? back.unconsumedRequestCount()
    else { return [] }
    return (0..<count).map { back.copyRequest(offset: $0).word0 }
}

private func publishResponses(
    _ count: Int, on words: ScheduledWords, from start: RingIndex
) -> [UInt32] {
    let state = BackRingState(
        requestConsumer: start.advanced(by: UInt32(count)), privateResponseProducer: start,
        publishedResponses: start)
    guard
        var back = try? BackRing<ScheduledWords, TxShape>(resuming: state, over: words)
    else { return [] }
    words.begin()
    return (0..<UInt32(count)).map { number in
        back.stageResponse(SlotWords(1000 + number))
        return back.publishResponses() ? 1 : 0
    }
}

private func receiveResponses(
    on words: ScheduledWords, from start: RingIndex, to requests: RingIndex
) -> [UInt32] {
    var front = FrontRing<ScheduledWords, TxShape>(initializing: words, startingAt: start)
    front.privateRequestProducer = requests
    front.publishedRequests = requests
    words.begin()
    guard (try? front.finalCheckForResponses()) == true,
        let count = try? front.unconsumedResponseCount()
    else { return [] }
    return (0..<count).map { front.copyResponse(offset: $0).word0 }
}
