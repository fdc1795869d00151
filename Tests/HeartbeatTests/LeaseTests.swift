// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import SharedMemory
import TestSupport
import Testing

@Suite("The lease")
struct LeaseTests {
    @Test("a successor takes the lease from its predecessor, who then no longer holds it")
    func succession() throws {
        let memory = RingPage()
        let lease = HeartbeatPage(formatting: memory.words, slotCount: 1).lease
        #expect(lease.holder == .none)
        let first = try #require(lease.acquire(succeeding: .none))
        #expect(lease.isHeld(by: first))
        let second = try #require(lease.acquire(succeeding: first))
        #expect(lease.holder == second)
        #expect(lease.isHeld(by: second))
        #expect(!lease.isHeld(by: first))
        withExtendedLifetime(memory) {}
    }

    @Test("the lease is not taken from one who no longer holds it")
    func lateSuccessor() throws {
        let memory = RingPage()
        let lease = Lease(words: memory.words, word: 3)
        let first = try #require(lease.acquire(succeeding: .none))
        let second = try #require(lease.acquire(succeeding: first))
        #expect(lease.acquire(succeeding: first) == nil)
        #expect(lease.acquire(succeeding: .none) == nil)
        #expect(lease.holder == second)
        withExtendedLifetime(memory) {}
    }

    @Test("the epoch after the last one is not none")
    func epochWraps() throws {
        let memory = RingPage()
        memory.words.storeRelaxed(.max, at: 3)
        let lease = Lease(words: memory.words, word: 3)
        let next = try #require(lease.acquire(succeeding: LeaseEpoch(.max)))
        #expect(next == LeaseEpoch(1))
        #expect(LeaseEpoch(7).next == LeaseEpoch(8))
        withExtendedLifetime(memory) {}
    }

    @Test("of two successors at the same time exactly one gets each epoch")
    func race() {
        let memory = RingPage()
        let words = memory.words
        let rounds: UInt32 = 20_000
        // Each contender counts its wins in a word of its own.
        let contender = { @Sendable (own: Int) in
            let lease = Lease(words: words, word: 0)
            while true {
                let holder = lease.holder
                if holder.rawValue >= rounds { return }
                if lease.acquire(succeeding: holder) != nil {
                    words.storeRelaxed(words.loadRelaxed(at: own) + 1, at: own)
                }
            }
        }
        let first = TestThread { contender(16) }
        let second = TestThread { contender(32) }
        first.join()
        second.join()
        #expect(words.loadRelaxed(at: 16) + words.loadRelaxed(at: 32) == rounds)
        #expect(words.loadRelaxed(at: 0) == rounds)
        withExtendedLifetime(memory) {}
    }
}
