// SPDX-License-Identifier: Apache-2.0
import CRingOracle
import Ring
import SharedMemory
import TestSupport
import Testing

/// Our halves on one page and Xen's macros on another, driven in lock step.
@safe
private struct LockStep<Shape: RingFormat>: ~Copyable {
    let kind: ring_oracle_kind
    let ourPage = RingPage()
    let theirPage = RingPage()
    var front: FrontRing<MappedWords, Shape>
    var back: BackRing<MappedWords, Shape>
    var theirFront: ring_oracle_front
    var theirBack: ring_oracle_back

    init(kind: ring_oracle_kind, startingAt start: UInt32) throws {
        self.kind = kind
        front = FrontRing(initializing: ourPage.words, startingAt: RingIndex(start))
        back = try BackRing(attachingTo: ourPage.words)
        unsafe theirFront = ring_oracle_front_init(kind, theirPage.base, start)
        unsafe theirBack = ring_oracle_back_attach(kind, theirPage.base)
    }

    /// One random operation on both pages; nil when they agree, else what differs.
    mutating func step(_ random: inout SplitMix64) throws -> String? {
        let operation = Int.random(in: 0..<40, using: &random)
        let agree: Bool
        switch operation {
        case 0..<8: agree = stageRequest(&random)
        case 8..<12:
            let theirs = unsafe ring_oracle_push_requests(&theirFront)
            agree = front.publishRequests() == theirs
        case 12..<18: agree = try takeRequests(&random)
        case 18..<26: agree = stageResponses(&random)
        case 26..<30:
            let theirs = unsafe ring_oracle_push_responses(&theirBack)
            agree = back.publishResponses() == theirs
        case 30..<34: agree = try takeResponses(&random)
        case 34, 35:
            let theirs = unsafe ring_oracle_final_check_for_requests(&theirBack)
            agree = try back.finalCheckForRequests() == theirs
        case 36, 37:
            let theirs = unsafe ring_oracle_final_check_for_responses(&theirFront)
            agree = try front.finalCheckForResponses() == theirs
        case 38: agree = try resume()
        default: agree = try attach()
        }
        guard agree else { return "operation \(operation) decided otherwise" }
        let theirs = unsafe (theirBack.req_cons, theirBack.rsp_prod_pvt)
        guard unsafe front.freeRequestCount == ring_oracle_free_requests(&theirFront),
            back.requestConsumer.rawValue == theirs.0,
            back.privateResponseProducer.rawValue == theirs.1
        else { return "operation \(operation) left other private indices" }
        guard ourPage.hasSameBytes(as: theirPage) else {
            return "operation \(operation) left other bytes"
        }
        return nil
    }

    private mutating func stageRequest(_ random: inout SplitMix64) -> Bool {
        for _ in 0..<Int.random(in: 1...20, using: &random) where front.freeRequestCount > 0 {
            let slot = ring_oracle_slot(random: &random)
            unsafe ring_oracle_put_request(&theirFront, slot)
            front.stageRequest(slot.words)
        }
        return true
    }

    private mutating func takeRequests(_ random: inout SplitMix64) throws -> Bool {
        let count = try back.unconsumedRequestCount()
        guard unsafe count == ring_oracle_unconsumed_requests(&theirBack),
            unsafe !ring_oracle_request_overflow(&theirBack)
        else { return false }
        let taken = UInt32.random(in: 0...count, using: &random)
        for offset in 0..<taken {
            let theirs = unsafe ring_oracle_copy_request(&theirBack, offset)
            if back.copyRequest(offset: offset) != theirs.words { return false }
        }
        back.consumeRequests(taken)
        unsafe theirBack.req_cons = theirBack.req_cons &+ taken  // a free-running ring index
        return true
    }

    private mutating func stageResponses(_ random: inout SplitMix64) -> Bool {
        for _ in 0..<Int.random(in: 1...20, using: &random)
        where back.privateResponseProducer != back.requestConsumer {
            let slot = ring_oracle_slot(random: &random)
            unsafe ring_oracle_put_response(&theirBack, slot)
            back.stageResponse(slot.words)
        }
        return true
    }

    private mutating func takeResponses(_ random: inout SplitMix64) throws -> Bool {
        let count = try front.unconsumedResponseCount()
        guard unsafe count == ring_oracle_unconsumed_responses(&theirFront) else { return false }
        let taken = UInt32.random(in: 0...count, using: &random)
        for offset in 0..<taken {
            let theirs = unsafe ring_oracle_copy_response(&theirFront, offset)
            if front.copyResponse(offset: offset) != theirs.words { return false }
        }
        front.consumeResponses(taken)
        unsafe theirFront.rsp_cons = theirFront.rsp_cons &+ taken  // a free-running ring index
        return true
    }

    private mutating func resume() throws -> Bool {
        back = try BackRing(resuming: back.state, over: ourPage.words)
        return true
    }

    private mutating func attach() throws -> Bool {
        back = try BackRing(attachingTo: ourPage.words)
        unsafe theirBack = ring_oracle_back_attach(kind, theirPage.base)
        return true
    }
}

extension ring_oracle_slot {
    fileprivate init(random: inout SplitMix64) {
        let (low, high) = (random.next(), random.next())
        self.init(
            word: (
                UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32),
                UInt32(truncatingIfNeeded: high)
            ))
    }

    fileprivate var words: SlotWords { SlotWords(word.0, word.1, word.2) }
}

/// Our halves against Xen's own macros.
@Suite struct RingOracleTests {
    @Test(
        "a Tx-shaped ring decides as Xen's macros do and leaves the same page",
        arguments: UInt64(0)..<48)
    func transmitShape(seed: UInt64) throws {
        try run(TxShape.self, RING_ORACLE_TX, seed: seed)
    }

    @Test(
        "an Rx-shaped ring decides as Xen's macros do and leaves the same page",
        arguments: UInt64(0)..<48)
    func receiveShape(seed: UInt64) throws {
        try run(RxShape.self, RING_ORACLE_RX, seed: seed)
    }

    @Test("slot counts are those that Xen's macros compute")
    func slotCounts() {
        #expect(TxShape.slotCount == ring_oracle_slot_count(RING_ORACLE_TX))
        #expect(RxShape.slotCount == ring_oracle_slot_count(RING_ORACLE_RX))
    }

    private func run<Shape: RingFormat>(
        _ shape: Shape.Type, _ kind: ring_oracle_kind, seed: UInt64
    ) throws {
        for start in startIndices {
            var random = SplitMix64(seed: seed)
            var pair = try LockStep<Shape>(kind: kind, startingAt: start)
            for step in 0..<1500 {
                if let difference = try pair.step(&random) {
                    Issue.record("\(difference): seed \(seed), start \(start), step \(step)")
                    return
                }
            }
        }
    }
}
