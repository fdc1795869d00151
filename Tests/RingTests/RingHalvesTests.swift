// SPDX-License-Identifier: Apache-2.0
import Ring
import SharedMemory
import TestSupport
import Testing

/// Rules of the two halves that need no oracle.
@Suite struct RingHalvesTests {
    @Test("publishing nothing neither stores nor notifies", arguments: startIndices)
    func neverNotifiesForNothing(start: UInt32) throws {
        let page = CountedWords()
        let base = RingIndex(start)
        var front = FrontRing<CountedWords, TxShape>(initializing: page, startingAt: base)
        var back = try BackRing<CountedWords, TxShape>(attachingTo: page)
        page.restart()
        // Whatever the peer's event word says, silence stays silence.
        for event in [base, base.next, base.advanced(by: UInt32.max), base.advanced(by: 1 << 31)] {
            page.storeRelaxed(event.rawValue, at: RingLayout.requestEvent)
            page.storeRelaxed(event.rawValue, at: RingLayout.responseEvent)
            page.restart()
            let notifies3 = front.publishRequests()
            #expect(!notifies3)
            let notifies4 = back.publishResponses()
            #expect(!notifies4)
            #expect(page.storeCount == 0)
        }
        front.stageRequest(SlotWords(1))
        page.storeRelaxed(base.next.rawValue, at: RingLayout.requestEvent)
        let notifies5 = front.publishRequests()
        #expect(notifies5)
        let notifies6 = front.publishRequests()
        #expect(!notifies6)
    }

    @Test("waiting for several requests is woken by the last of them", arguments: startIndices)
    func waitsForSeveral(start: UInt32) throws {
        let page = RingPage()
        var front = TxFront(initializing: page.words, startingAt: RingIndex(start))
        var back = try TxBack(attachingTo: page.words)
        let stays7 = try back.finalCheckForRequests(3)
        #expect(!stays7)
        for expected in [false, false, true, false] {
            front.stageRequest(SlotWords(1))
            let notifies8 = front.publishRequests()
            #expect(notifies8 == expected)
        }
        let stays9 = try back.finalCheckForRequests(4)
        #expect(stays9)
        let stays10 = try back.finalCheckForRequests(5)
        #expect(!stays10)
    }

    @Test("a response leaves the rest of its request in the slot")
    func responseKeepsRequest() throws {
        let page = RingPage()
        var front = TxFront(initializing: page.words)
        front.stageRequest(SlotWords(1, 2, 3))
        _ = front.publishRequests()
        var back = try TxBack(attachingTo: page.words)
        back.consumeRequests(1)
        back.stageResponse(SlotWords(9))
        _ = back.publishResponses()
        let slot = page.words.copySlot(at: RingLayout.firstSlot, count: 3)
        #expect(slot == SlotWords(9, 2, 3))
    }

    @Test("a front half does not believe more responses than it made requests")
    func tooManyResponses() throws {
        let page = RingPage()
        var front = TxFront(initializing: page.words, startingAt: RingIndex(UInt32.max))
        for _ in 0..<3 { front.stageRequest(SlotWords(1)) }
        _ = front.publishRequests()
        page.words.storeRelease(2, at: RingLayout.responseProducer)
        let count11 = try front.unconsumedResponseCount()
        #expect(count11 == 3)
        page.words.storeRelease(3, at: RingLayout.responseProducer)
        #expect(throws: RingFault.self) { _ = try front.unconsumedResponseCount() }
        #expect(throws: RingFault.self) { _ = try front.finalCheckForResponses() }
    }

    @Test("a backend that dies at any store leaves a ring that its successor can finish")
    func diesAtAnyStore() throws {
        let start = RingIndex(UInt32.max - 3)
        var (crash, crashed) = (0, true)
        while crashed {
            let page = CountedWords()
            var front = FrontRing<CountedWords, TxShape>(initializing: page, startingAt: start)
            for number in 0..<6 { front.stageRequest(SlotWords(UInt32(number))) }
            _ = front.publishRequests()
            page.restart(crashAtStore: crash)
            try serve(page)
            crashed = page.hasCrashed
            page.restart()
            try serve(page)
            let count12 = try front.unconsumedResponseCount()
            #expect(count12 == 6)
            crash += 1
        }
        // Six responses in three publications, and the final check's event.
        #expect(crash == 6 + 3 + 1 + 1)
    }

    /// Answers everything, two responses a publication, then goes to sleep.
    private func serve(_ page: CountedWords) throws {
        var back = try BackRing<CountedWords, TxShape>(attachingTo: page)
        let count = try back.unconsumedRequestCount()
        back.consumeRequests(count)
        for number in 0..<count {
            back.stageResponse(SlotWords(number))
            if number % 2 == 1 { _ = back.publishResponses() }
        }
        _ = try back.finalCheckForRequests()
    }
}
