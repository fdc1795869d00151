// SPDX-License-Identifier: Apache-2.0
import NetBack
import Testing

@testable import DriverDomain

@Suite("What a pair's events come to")
struct TakeoverHistoryTests {
    private typealias Sample = SampleRegion

    private static func history(of region: StateRegion) -> TakeoverHistory {
        var history = TakeoverHistory()
        history.take(from: region.view.events, workerCount: region.layout.workers)
        return history
    }

    private static func tookOver(
        _ worker: Int, at milliseconds: UInt64, process: UInt32, halves: UInt32 = 1,
        in region: StateRegion
    ) {
        Sample.note(.tookOver, at: milliseconds, process: process, in: region) {
            $0.worker = worker
            $0.begin = milliseconds * 1_000_000
            $0.count = halves
        }
    }

    private static func carried(
        _ worker: Int, at milliseconds: UInt64, process: UInt32, in region: StateRegion
    ) {
        Sample.note(.firstPacket, at: milliseconds, process: process, in: region) {
            $0.worker = worker
            $0.begin = milliseconds * 1_000_000
        }
    }

    @Test("a primary that was given up: the gap is from when it was last seen alive")
    func givenUp() throws {
        let region = try Sample.make()
        Sample.note(.givenUp, at: 1012, process: 50, in: region) { $0.begin = 1_000_000_000 }
        Sample.note(.ended, at: 1013, process: 40, in: region) {
            $0.count = 1
            $0.text = "signal 9"
        }
        Self.tookOver(0, at: 1014, process: 50, in: region)
        Self.carried(0, at: 1015, process: 50, in: region)
        #expect(Self.history(of: region).gap.count == 0)
        Self.tookOver(1, at: 1014, process: 50, in: region)
        Self.carried(1, at: 1018, process: 50, in: region)
        // Its second packet, and one of another process: neither counts.
        Self.carried(1, at: 1100, process: 50, in: region)
        Self.carried(0, at: 1200, process: 40, in: region)
        let history = Self.history(of: region)
        #expect((history.takeovers, history.givenUp, history.primaryDeaths) == (1, 1, 1))
        #expect((history.detection.count, history.detection.sum) == (1, 12_000_000))
        #expect((history.gap.count, history.gap.sum) == (1, 18_000_000))
    }

    @Test("a plain death: the gap is from the first lock, and workers without queues do not count")
    func plainDeath() throws {
        let region = try Sample.make()
        Self.tookOver(1, at: 2000, process: 50, in: region)
        Self.tookOver(0, at: 2001, process: 50, halves: 0, in: region)
        Self.carried(1, at: 2004, process: 50, in: region)
        // For a queue that was opened later.
        Self.carried(0, at: 2010, process: 50, in: region)
        let history = Self.history(of: region)
        #expect((history.takeovers, history.detection.count) == (1, 0))
        #expect((history.gap.count, history.gap.sum) == (1, 4_000_000))
    }

    @Test("a worker that never had a packet: the gap is known when the next one takes over")
    func idle() throws {
        let region = try Sample.make()
        Self.tookOver(0, at: 3000, process: 50, in: region)
        Self.tookOver(1, at: 3000, process: 50, in: region)
        Self.carried(0, at: 3005, process: 50, in: region)
        #expect(Self.history(of: region).gap.count == 0)
        Self.tookOver(0, at: 9000, process: 60, in: region)
        Self.tookOver(1, at: 9000, process: 60, in: region)
        let history = Self.history(of: region)
        #expect((history.takeovers, history.gap.count, history.gap.sum) == (2, 1, 5_000_000))
    }

    @Test("other events are counted by kind, and a proper end is no death")
    func kinds() throws {
        let region = try Sample.make()
        for (kind, count) in [
            (PairEvent.Kind.handover, 1), (.isolated, 2), (.disabled, 3), (.reported, 4),
        ] {
            for _ in 0..<count { Sample.note(kind, at: 1, process: 1, in: region) }
        }
        for (count, text) in [(1, "exit code 0"), (0, "signal 9"), (1, "exit code 1")] {
            Sample.note(.ended, at: 2, process: 1, in: region) {
                $0.count = UInt32(count)
                $0.text = text
            }
        }
        let history = Self.history(of: region)
        #expect((history.handovers, history.isolations, history.disabledHalves) == (1, 2, 3))
        #expect((history.reports, history.primaryDeaths, history.lost) == (4, 1, 0))
    }

    @Test("events are taken once, and those that were overwritten are counted as lost")
    func overrun() throws {
        let region = try Sample.make()
        var history = TakeoverHistory()
        func take() { history.take(from: region.view.events, workerCount: 2) }
        func append(_ count: Int) {
            for _ in 0..<count { Sample.note(.isolated, at: 1, process: 1, in: region) }
        }
        append(100)
        take()
        take()
        #expect((history.isolations, history.lost) == (100, 0))
        append(100)
        take()
        #expect((history.isolations, history.lost) == (200, 0))
        append(200)
        take()
        #expect((history.isolations, history.lost) == (328, 72))
    }

    @Test("buckets only grow, and the last one is the count")
    func buckets() throws {
        var histogram = TakeoverHistogram()
        let values: [UInt64] = [0, 100_000, 100_001, 7_000_000, 60_000_000_000, .max, .max]
        values.forEach { histogram.observe($0) }
        var text = PrometheusText()
        histogram.write("x", "y", to: &text)
        let lines = text.text.split(separator: "\n").map(String.init)
        let buckets = lines.filter { $0.hasPrefix("x_bucket") }
        let counts = buckets.compactMap { $0.split(separator: " ").last.flatMap { UInt64($0) } }
        #expect(counts.count == TakeoverHistogram.bounds.count + 1)
        #expect(counts == counts.sorted())
        #expect(buckets.first == "x_bucket{le=\"0.0001\"} 2")
        #expect(lines.contains("x_bucket{le=\"0.005\"} 3"))
        #expect(lines.contains("x_bucket{le=\"0.01\"} 4"))
        #expect(buckets.last == "x_bucket{le=\"+Inf\"} 7")
        #expect(lines.suffix(2) == ["x_sum 18446744073.709551615", "x_count 7"])
    }
}
