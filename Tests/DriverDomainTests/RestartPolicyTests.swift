// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Testing

struct RestartPolicyTests {
    private static let second: UInt64 = 1_000_000_000

    @Test("the first end of a service is mended at once")
    func firstEnd() {
        var policy = RestartPolicy()
        #expect(policy.ended(afterServing: 1) == .restart(afterMilliseconds: 0))
    }

    @Test("ends in a row are answered with longer and longer pauses, up to five seconds")
    func backOff() {
        var policy = RestartPolicy()
        let pauses: [Int32] = [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]
        for pause in pauses {
            #expect(policy.ended(afterServing: 0) == .restart(afterMilliseconds: pause))
        }
    }

    @Test("the longest pause is what was asked for")
    func longestPause() {
        var policy = RestartPolicy(longestPause: 100)
        let pauses: [Int32] = [0, 100, 100, 100]
        for pause in pauses {
            #expect(policy.ended(afterServing: 0) == .restart(afterMilliseconds: pause))
        }
    }

    @Test("a service that was steady starts with a clean slate")
    func steady() {
        var policy = RestartPolicy()
        for _ in 0..<5 { _ = policy.ended(afterServing: 0) }
        #expect(
            policy.ended(afterServing: 10 * Self.second) == .restart(afterMilliseconds: 0))
        #expect(
            policy.ended(afterServing: 10 * Self.second - 1) == .restart(afterMilliseconds: 100))
    }

    @Test("a service that never serves is given up at the fifth start")
    func giveUp() {
        var policy = RestartPolicy()
        for _ in 0..<4 { #expect(policy.ended(afterServing: nil) != .giveUp) }
        #expect(policy.ended(afterServing: nil) == .giveUp)
    }

    @Test("a service that has served once is never given up at that")
    func servedOnce() {
        var policy = RestartPolicy()
        for _ in 0..<4 { _ = policy.ended(afterServing: nil) }
        #expect(policy.ended(afterServing: 0) != .giveUp)
        for _ in 0..<4 { #expect(policy.ended(afterServing: nil) != .giveUp) }
    }
}
