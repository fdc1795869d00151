// SPDX-License-Identifier: Apache-2.0
import Ring
import SharedMemory
import TestSupport
import Testing

/// What a frontend writes into the page can end its own ring and nothing else.
@Suite struct HostileFrontendTests {
    /// A back half that took `taken` of `published` requests and answered `answered` of them.
    private func ring(
        on page: borrowing RingPage, start: UInt32, published: Int = 8, taken: UInt32 = 5,
        answered: Int = 2
    ) throws -> TxBack {
        var front = TxFront(initializing: page.words, startingAt: RingIndex(start))
        for _ in 0..<published { front.stageRequest(SlotWords(1, 2, 3)) }
        _ = front.publishRequests()
        var back = try TxBack(attachingTo: page.words)
        back.consumeRequests(taken)
        for _ in 0..<answered { back.stageResponse(SlotWords(4)) }
        return back
    }

    @Test("a producer one past a full ring is an overrun", arguments: startIndices)
    func overrun(start: UInt32) throws {
        let page = RingPage()
        var back = try ring(on: page, start: start)
        // Two responses are staged, so 256 requests past them would still fit.
        let full = RingIndex(start).advanced(by: 2 + 256)
        page.words.storeRelease(full.rawValue, at: RingLayout.requestProducer)
        let count1 = try back.unconsumedRequestCount()
        #expect(count1 == 253)
        page.words.storeRelease(full.next.rawValue, at: RingLayout.requestProducer)
        let fault = RingFault.producerOverrun(
            producer: full.next, consumer: RingIndex(start).advanced(by: 5), slotCount: 256)
        #expect(throws: fault) { _ = try back.unconsumedRequestCount() }
        #expect(throws: fault) { _ = try back.finalCheckForRequests() }
    }

    @Test("a producer that moves back behind what was taken is a fault", arguments: startIndices)
    func movesBack(start: UInt32) throws {
        let page = RingPage()
        let back = try ring(on: page, start: start)
        let producer = RingIndex(start).advanced(by: 4)
        page.words.storeRelease(producer.rawValue, at: RingLayout.requestProducer)
        #expect(throws: RingFault.self) { _ = try back.unconsumedRequestCount() }
    }

    @Test("attaching to a page that claims more than a ring refuses it", arguments: startIndices)
    func attachesToOverrun(start: UInt32) throws {
        let page = RingPage()
        _ = try ring(on: page, start: start)
        let producer = RingIndex(start).advanced(by: 257)
        page.words.storeRelease(producer.rawValue, at: RingLayout.requestProducer)
        #expect(throws: RingFault.self) { _ = try TxBack(attachingTo: page.words) }
    }

    @Test("saved state with its indices out of order is refused", arguments: startIndices)
    func badState(start: UInt32) throws {
        let page = RingPage()
        let back = try ring(on: page, start: start)
        let good = back.state
        _ = try TxBack(resuming: good, over: page.words)
        let base = RingIndex(start)
        var bad: [BackRingState] = []
        for distance: UInt32 in [6, 257, 1 << 31, UInt32.max] {
            var state = good
            state.privateResponseProducer = base.advanced(by: distance)
            bad.append(state)
        }
        for distance: UInt32 in [1, 9, 257, UInt32.max] {
            var state = good
            state.requestConsumer = base.advanced(by: distance)
            bad.append(state)
        }
        for distance: UInt32 in [3, 8, 1 << 31] {
            var state = good
            state.publishedResponses = base.advanced(by: distance)
            bad.append(state)
        }
        for state in bad {
            #expect(throws: RingFault.self) { _ = try TxBack(resuming: state, over: page.words) }
        }
    }

    @Test("any page and any state ends in an answer, never in a trap", arguments: UInt64(0)..<32)
    func anything(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let page = RingPage()
        func index() -> UInt32 {
            // Half of the values lie around one another, so that some states are accepted.
            Bool.random(using: &random)
                ? UInt32.max - 40 &+ UInt32.random(in: 0..<300, using: &random)  // wraps
                : UInt32.random(in: 0...UInt32.max, using: &random)
        }
        for _ in 0..<500 {
            for word in 0..<4 { page.words.storeRelaxed(index(), at: word) }
            let snapshot = RingSnapshot(reading: page.words, slotCount: 256)
            #expect(snapshot.isPlausible == (snapshot.unansweredCount <= 256))
            let state = BackRingState(
                requestConsumer: RingIndex(index()), privateResponseProducer: RingIndex(index()),
                publishedResponses: RingIndex(index()))
            if var back = try? TxBack(resuming: state, over: page.words) { poke(&back, index) }
            if var back = try? TxBack(attachingTo: page.words) { poke(&back, index) }
        }
    }

    /// Uses a ring as a backend does while the frontend rewrites its indices.
    private func poke(_ back: inout TxBack, _ index: () -> UInt32) {
        for _ in 0..<8 {
            back.words.storeRelaxed(index(), at: RingLayout.requestProducer)
            back.words.storeRelaxed(index(), at: RingLayout.responseEvent)
            back.words.storeRelaxed(index(), at: RingLayout.responseProducer)
            if let count = try? back.unconsumedRequestCount() {
                #expect(count <= 256)
                for offset in 0..<count { _ = back.copyRequest(offset: offset) }
                back.consumeRequests(count)
                for _ in 0..<count { back.stageResponse(SlotWords(0)) }
            }
            _ = back.publishResponses()
            _ = try? back.finalCheckForRequests(19)
        }
    }

    @Test("a guest that rewrites rsp_prod does not move the backend")
    func rewrittenResponseProducer() throws {
        let page = RingPage()
        var back = try ring(on: page, start: UInt32.max)
        page.words.storeRelease(77, at: RingLayout.responseProducer)
        page.words.storeRelaxed(RingIndex(UInt32.max).next.rawValue, at: RingLayout.responseEvent)
        let notifies2 = back.publishResponses()
        #expect(notifies2)
        #expect(page.words.loadAcquire(at: RingLayout.responseProducer) == 1)
    }

    @Test("an inspector reads any page and says whether it can be a ring")
    func snapshot() throws {
        let page = RingPage()
        _ = try ring(on: page, start: UInt32.max - 2)
        let good = RingSnapshot(reading: page.words, slotCount: 256)
        #expect(good.isPlausible)
        #expect(good.unansweredCount == 8)
        #expect(good.requestEvent == good.responseEvent)
        page.words.storeRelease(1000, at: RingLayout.requestProducer)
        #expect(!RingSnapshot(reading: page.words, slotCount: 256).isPlausible)
    }
}
