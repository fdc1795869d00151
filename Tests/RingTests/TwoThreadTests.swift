// SPDX-License-Identifier: Apache-2.0
import Ring
import SharedMemory
import Synchronization
import TestSupport
import Testing

/// What both threads share: a page, two doorbells, and plain memory per slot whose only guard is
/// the order of the ring's indices, so that a thread sanitizer sees a missing acquire or release.
@safe
private final class SharedRing: Sendable {
    let frontDoorbell = Doorbell()
    let backDoorbell = Doorbell()
    let notifications = Atomic<Int>(0)
    let faults = Atomic<Int>(0)
    let words: MappedWords
    // SAFETY: a payload cell belongs to whoever the ring's indices say its slot belongs to.
    nonisolated(unsafe) let payload: UnsafeMutablePointer<UInt64>

    init(words: MappedWords) {
        self.words = words
        unsafe payload = .allocate(capacity: 256)
        unsafe payload.initialize(repeating: 0, count: 256)
    }

    deinit { unsafe payload.deallocate() }

    func fault() { faults.add(1, ordering: .relaxed) }
}

/// Sends messages and takes their answers; sleeps when it can do neither.
private func runFront(_ shared: SharedRing, messages: UInt64, start: RingIndex) {
    var front = TxFront(initializing: shared.words, startingAt: start)
    shared.backDoorbell.ring()
    var (sent, received): (UInt64, UInt64) = (0, 0)
    while received < messages {
        guard let count = try? front.unconsumedResponseCount() else { return shared.fault() }
        for offset in 0..<count {
            let slot = front.responseConsumer.advanced(by: offset).slot(of: 256)
            let expected = UInt32(truncatingIfNeeded: received + UInt64(offset))
            if front.copyResponse(offset: offset).word0 != ~expected { shared.fault() }
            if unsafe shared.payload[slot] != ~(received + UInt64(offset)) { shared.fault() }
        }
        front.consumeResponses(count)
        received += UInt64(count)
        var staged = 0
        while front.freeRequestCount > 0, sent < messages, staged < 7 {
            let slot = front.privateRequestProducer.slot(of: 256)
            unsafe shared.payload[slot] = sent
            front.stageRequest(SlotWords(UInt32(truncatingIfNeeded: sent), 7, 9))
            (sent, staged) = (sent + 1, staged + 1)
        }
        if front.publishRequests() {
            shared.notifications.add(1, ordering: .relaxed)
            shared.backDoorbell.ring()
        }
        if count == 0, staged == 0, received < messages {
            guard let more = try? front.finalCheckForResponses() else { return shared.fault() }
            if !more, !shared.frontDoorbell.wait() { return shared.fault() }
        }
    }
}

/// Answers every message with its complement; sleeps when there is none.
private func runBack(_ shared: SharedRing, messages: UInt64) {
    guard shared.backDoorbell.wait(), var back = try? TxBack(attachingTo: shared.words) else {
        return shared.fault()
    }
    var answered: UInt64 = 0
    while answered < messages {
        guard let count = try? back.unconsumedRequestCount() else { return shared.fault() }
        for offset in 0..<count {
            let slot = back.requestConsumer.advanced(by: offset).slot(of: 256)
            let request = back.copyRequest(offset: offset)
            let number = unsafe shared.payload[slot]
            if number != answered + UInt64(offset) { shared.fault() }
            if request != SlotWords(UInt32(truncatingIfNeeded: number), 7, 9) { shared.fault() }
            unsafe shared.payload[slot] = ~number
        }
        back.consumeRequests(count)
        for _ in 0..<count {
            back.stageResponse(SlotWords(~UInt32(truncatingIfNeeded: answered)))
            answered += 1
        }
        if back.publishResponses() {
            shared.notifications.add(1, ordering: .relaxed)
            shared.frontDoorbell.ring()
        }
        if count == 0 {
            guard let more = try? back.finalCheckForRequests() else { return shared.fault() }
            if !more, !shared.backDoorbell.wait() { return shared.fault() }
        }
    }
}

@Suite struct TwoThreadTests {
    @Test(
        "two threads pass messages both ways and never sleep through one",
        .timeLimit(.minutes(10)), arguments: [UInt32.max - 1000, 0])
    func bothWays(start: UInt32) {
        let messages: UInt64 = 200_000
        let page = RingPage()
        let shared = SharedRing(words: page.words)
        let back = TestThread { runBack(shared, messages: messages) }
        let front = TestThread { runFront(shared, messages: messages, start: RingIndex(start)) }
        front.join()
        back.join()
        #expect(shared.faults.load(ordering: .relaxed) == 0)
        #expect(shared.notifications.load(ordering: .relaxed) > 0)
        withExtendedLifetime(page) {}
    }
}
