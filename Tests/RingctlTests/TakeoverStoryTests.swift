// SPDX-License-Identifier: Apache-2.0
import NetBack
import Testing

@testable import ringctl

@Suite("Takeovers, put together from events")
struct TakeoverStoryTests {
    private func event(
        _ kind: PairEvent.Kind, _ at: UInt64, _ process: UInt32, begin: UInt64 = 0,
        end: UInt64 = 0, count: UInt32 = 0, text: String = ""
    ) -> PairEvent {
        var event = PairEvent(kind, at: at)
        event.process = process
        event.begin = begin
        event.end = end
        event.count = count
        event.text = text
        return event
    }

    @Test("a hang: found, fenced, resumed, carried")
    func hang() {
        let stories = TakeoverStory.stories(in: [
            event(.serving, 10, 1),
            event(.givenUp, 1_000_000, 2, begin: 400_000, text: "worker 0 is silent"),
            event(.tookOver, 1_300_000, 2, begin: 1_100_000, end: 1_250_000, count: 1),
            event(.tookOver, 1_400_000, 2, begin: 1_200_000, end: 1_350_000, count: 1),
            event(.firstPacket, 1_500_000, 2, begin: 1_500_000),
            event(.ended, 1_600_000, 1, count: 1, text: "signal 9"),
            event(.firstPacket, 1_700_000, 2, begin: 1_650_000),
        ])
        #expect(
            stories == [
                TakeoverStory(
                    lockedAt: 1_100_000, cause: "worker 0 is silent", detection: 600_000,
                    fencing: 200_000, resumption: 150_000, firstPackets: 300_000, workers: 2)
            ])
    }

    @Test("a death has no detection, and its cause is how the primary ended")
    func death() {
        let stories = TakeoverStory.stories(in: [
            event(.tookOver, 2_000, 2, begin: 1_000, end: 1_500),
            event(.ended, 3_000, 1, count: 1, text: "signal 9"),
        ])
        #expect(stories.first?.cause == "signal 9")
        #expect(stories.first?.detection == nil)
        #expect(stories.first?.firstPackets == nil)
    }

    @Test("two takeovers are two stories")
    func two() {
        let stories = TakeoverStory.stories(in: [
            event(.tookOver, 2_000, 2, begin: 1_000, end: 1_500),
            event(.handover, 9_000_000_000, 2),
            event(.tookOver, 9_000_002_000, 3, begin: 9_000_001_000, end: 9_000_001_500),
        ])
        #expect(stories.map(\.workers) == [1, 1])
        #expect(stories.last?.cause == "handover")
    }
}
