// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import NetBack
import Platform
import TestSupport
import Testing

@testable import DriverDomain

@Suite("The figures for Prometheus")
struct MetricsTests {
    private static let now = Instant(nanoseconds: 10_000_000_000)

    private static func text(of region: StateRegion) -> String {
        var metrics = Metrics()
        metrics.take(from: region.view)
        return metrics.text(of: region.view, at: now)
    }

    private static func lines(of region: StateRegion) -> [String] {
        text(of: region).split(separator: "\n").map(String.init)
    }

    /// Those that begin with a name, samples alone.
    private static func samples(_ name: String, of region: StateRegion) -> [String] {
        lines(of: region).filter { $0.hasPrefix("\(name){") || $0.hasPrefix("\(name) ") }
    }

    @Test("a queue's counters stand there by direction, with reasons and rules")
    func counters() throws {
        let region = try SampleRegion.make()
        SampleRegion.describe(2, domain: 7, queue: 3, in: region)
        var counted = QueueStatistics()
        (counted.transmitPackets, counted.transmitBytes, counted.transmitSlots) = (11, 12, 13)
        (counted.transmitInvalid, counted.transmitCopyFailures) = (14, 15)
        (counted.transmitRefused, counted.transmitChecksumMended) = (16, 17)
        (counted.receivePackets, counted.receiveBytes, counted.receiveSlots) = (21, 22, 23)
        (counted.receiveCopyFailures, counted.receiveOversized) = (24, 25)
        (counted.receiveStarved, counted.notifications, counted.events) = (26, 27, 28)
        let page = region.journal.queue(2)
        page.half(.transmit).keep(counted)
        page.half(.receive).keep(counted)
        page.half(.receive).disable()
        let tx = "vif=\"vif7.0\",queue=\"3\",direction=\"tx\""
        let rx = "vif=\"vif7.0\",queue=\"3\",direction=\"rx\""
        let expected = [
            "netdd_packets_total{\(tx)} 11", "netdd_packets_total{\(rx)} 21",
            "netdd_bytes_total{\(tx)} 12", "netdd_bytes_total{\(rx)} 22",
            "netdd_slots_total{\(tx)} 13", "netdd_slots_total{\(rx)} 23",
            "netdd_notifications_total{\(tx)} 27", "netdd_notifications_total{\(rx)} 27",
            "netdd_guest_events_total{\(tx)} 28", "netdd_guest_events_total{\(rx)} 28",
            "netdd_starved_total{\(rx)} 26", "netdd_checksum_mended_total{\(tx)} 17",
            "netdd_drops_total{\(tx),reason=\"tx_refused\"} 16",
            "netdd_drops_total{\(rx),reason=\"rx_oversized\"} 25",
            "netdd_errors_total{\(tx),rule=\"tx_invalid\"} 14",
            "netdd_errors_total{\(tx),rule=\"tx_copy_failures\"} 15",
            "netdd_errors_total{\(rx),rule=\"rx_copy_failures\"} 24",
            "netdd_answers_pending{\(tx)} 0", "netdd_answers_pending{\(rx)} 0",
            "netdd_slots_in_flight{\(tx)} 0",
            "netdd_half_disabled{\(tx)} 0", "netdd_half_disabled{\(rx)} 1",
        ]
        #expect(Self.lines(of: region).filter { $0.contains("vif7.0") } == expected)
        #expect(Self.samples("netdd_queues_in_use", of: region) == ["netdd_queues_in_use 1"])
    }

    @Test("indices that make no sense give no figure, those in range do")
    func indices() throws {
        let region = try SampleRegion.make()
        SampleRegion.describe(0, domain: 1, in: region)
        SampleRegion.describe(1, domain: 2, in: region)
        var transmit = region.journal.queue(0).transmit
        var receive = region.journal.queue(0).receive
        let start = transmit.done
        // Seven slots may be handed to the port, two of which are answered then.
        for _ in 0..<7 { transmit.stage(transmit.answer(at: start)) }
        transmit.commit(frames: 0)
        transmit.intend(upTo: transmit.done)
        transmit.startAnswers(at: start)
        for _ in 0..<2 { transmit.stage(transmit.answer(at: start)) }
        transmit.commit(frames: 0)
        for _ in 0..<7 { receive.stage(receive.answer(at: start)) }
        receive.commit()
        region.journal.queue(1).corrupt()
        #expect(
            Self.samples("netdd_slots_in_flight", of: region) == [
                "netdd_slots_in_flight{vif=\"vif1.0\",queue=\"0\",direction=\"tx\"} 5"
            ])
        #expect(
            Self.samples("netdd_answers_pending", of: region) == [
                "netdd_answers_pending{vif=\"vif1.0\",queue=\"0\",direction=\"tx\"} 2",
                "netdd_answers_pending{vif=\"vif1.0\",queue=\"0\",direction=\"rx\"} 7",
                "netdd_answers_pending{vif=\"vif2.0\",queue=\"0\",direction=\"tx\"} 0",
            ])
    }

    @Test("of two connections of one queue the newer one is shown, once")
    func generations() throws {
        let region = try SampleRegion.make()
        var counted = QueueStatistics()
        for (slot, generation, packets) in [(0, 4, 400), (1, 5, 500), (2, 3, 300)] {
            SampleRegion.describe(slot, domain: 1, generation: UInt32(generation), in: region)
            counted.transmitPackets = UInt64(packets)
            region.journal.queue(slot).half(.transmit).keep(counted)
        }
        #expect(
            Self.samples("netdd_packets_total", of: region) == [
                "netdd_packets_total{vif=\"vif1.0\",queue=\"0\",direction=\"tx\"} 500",
                "netdd_packets_total{vif=\"vif1.0\",queue=\"0\",direction=\"rx\"} 0",
            ])
    }

    @Test("a worker's beat, epoch and process")
    func workers() throws {
        let region = try SampleRegion.make()
        var pulse = region.heartbeat.pulse(ofSlot: 1)
        pulse.beat(at: Self.now.nanoseconds - 250_000_000)
        pulse.enter(.receive)
        let page = region.journal.worker(1)
        _ = page.lease.acquire(succeeding: .none)
        page.note(process: 123, thread: 124, since: 0)
        #expect(
            Self.lines(of: region).filter { $0.contains("{worker=") } == [
                "netdd_beat_age_seconds{worker=\"1\",activity=\"receive\"} 0.25",
                "netdd_lease_epoch{worker=\"0\"} 0", "netdd_lease_epoch{worker=\"1\"} 1",
                "netdd_worker_process{worker=\"0\"} 0", "netdd_worker_process{worker=\"1\"} 123",
            ])
    }

    @Test("labels are escaped")
    func escaping() throws {
        let region = try SampleRegion.make()
        region.journal.describe(domain: "a\\b\"c\nd")
        let version = JournalLayout.version
        #expect(
            Self.samples("netdd_info", of: region) == [
                "netdd_info{domain=\"a\\\\b\\\"c\\nd\",journal=\"\(version)\"} 1"
            ])
        #expect(PrometheusText.escaped("a\\b\"c\nd", quotes: false) == "a\\\\b\"c\\nd")
    }

    @Test(
        "seconds are exact",
        arguments: [
            (0, "0"), (1, "0.000000001"), (100_000, "0.0001"), (1_000_000_000, "1"),
            (2_500_000_000, "2.5"), (UInt64.max, "18446744073.709551615"),
        ])
    func seconds(nanoseconds: UInt64, expected: String) {
        #expect(PrometheusText.seconds(nanoseconds) == expected)
    }

    @Test("every family has its help and its type, once, before its samples and nothing between")
    func families() throws {
        let region = try SampleRegion.make()
        SampleRegion.describe(0, domain: 1, in: region)
        var (family, seen) = ("", Set<String>())
        for line in Self.lines(of: region) {
            let words = line.split(separator: " ")
            if words[0] == "#" {
                if words[1] == "HELP" {
                    family = String(words[2])
                    #expect(seen.insert(family).inserted, "\(family) twice")
                }
                #expect(String(words[2]) == family)
            } else {
                let name = line.prefix { $0 != "{" && $0 != " " }
                #expect(name == family || name.hasPrefix("\(family)_"), "\(line) in \(family)")
            }
        }
        #expect(seen.count > 20)
    }

    @Test("the dashboard asks for metrics that there are")
    func dashboard() throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false)
            .dropLast(3).joined(separator: "/")
        let text = try SystemFile.text(of: "\(root)/docs/grafana-dashboard.json")
        let types = Self.lines(of: try SampleRegion.make()).filter { $0.hasPrefix("# TYPE ") }
        var known: Set<String> = []
        for words in types.map({ $0.split(separator: " ") }) {
            let name = String(words[2])
            let isHistogram = words[3] == "histogram"
            for ending in isHistogram ? ["_bucket", "_sum", "_count"] : [""] {
                known.insert(name + ending)
            }
        }
        let asked = Set(
            text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init)
                .filter { $0.hasPrefix("netdd_") })
        #expect(asked.subtracting(known) == [])
        for name in ["packets_total", "drops_total", "gap_seconds_bucket", "half_disabled"] {
            #expect(asked.contains("netdd_\(name)"), "\(name) is missed")
        }
        let parsed = try ChildProcess.run(
            ["python3", "-m", "json.tool", "\(root)/docs/grafana-dashboard.json"])
        #expect(parsed.status == 0, "\(parsed.errors)")
    }
}
