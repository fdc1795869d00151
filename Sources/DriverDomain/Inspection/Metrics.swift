// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import NetBack
import Platform
import SharedMemory

/// The figures of a pair for Prometheus, all of them read from its shared memory.
///
/// Counters of queues belong to a connection and start at zero with the next one. Those of events
/// are what this value has taken: a new one starts with the events that are still there.
struct Metrics {
    private var history = TakeoverHistory()

    /// Adds up what happened since the last call.
    mutating func take(from view: StateView<MappedWords>) {
        history.take(from: view.events, workerCount: view.layout.workers)
    }

    /// Everything in the text format, as it is at an instant.
    func text(of view: StateView<MappedWords>, at instant: Instant) -> String {
        var text = PrometheusText()
        let halves = HalfFigures.all(in: view.journal)
        text.family("netdd_info", .gauge, "1, for the domain that is served.")
        text.sample(
            "netdd_info",
            [("domain", view.journal.domain), ("journal", "\(JournalLayout.version)")], 1)
        text.family("netdd_queues_in_use", .gauge, "Queues that the journal describes.")
        text.sample("netdd_queues_in_use", [], UInt64(halves.count / 2))
        Self.writeTraffic(of: halves, to: &text)
        Self.writeLosses(of: halves, to: &text)
        Self.writeStanding(of: halves, to: &text)
        Self.writeWorkers(of: view, at: instant, to: &text)
        writeHistory(to: &text)
        return text.text
    }

    // MARK: queues

    private static func writeTraffic(of halves: [HalfFigures], to text: inout PrometheusText) {
        let both: [(String, String, (QueueStatistics) -> UInt64, (QueueStatistics) -> UInt64)] = [
            (
                "netdd_packets_total", "Packets carried; tx is from the guest.",
                { $0.transmitPackets }, { $0.receivePackets }
            ),
            (
                "netdd_bytes_total", "Their bytes.", { $0.transmitBytes }, { $0.receiveBytes }
            ),
            (
                "netdd_slots_total", "Ring slots used for them, extra infos included.",
                { $0.transmitSlots }, { $0.receiveSlots }
            ),
            (
                "netdd_notifications_total", "Event-channel notifications sent to the guest.",
                { $0.notifications }, { $0.notifications }
            ),
            (
                "netdd_guest_events_total", "Event-channel notifications taken from the guest.",
                { $0.events }, { $0.events }
            ),
        ]
        for (name, help, transmit, receive) in both {
            text.family(name, .counter, help)
            for half in halves {
                let value = half.direction == .transmit ? transmit : receive
                text.sample(name, half.labels, value(half.statistics))
            }
        }
        text.family(
            "netdd_starved_total", .counter,
            "Times that frames waited and the guest had too few buffers posted.")
        for half in halves where half.direction == .receive {
            text.sample("netdd_starved_total", half.labels, half.statistics.receiveStarved)
        }
        text.family(
            "netdd_checksum_mended_total", .counter,
            "Segmented packets whose missing pseudo-header sum was mended.")
        for half in halves where half.direction == .transmit {
            text.sample(
                "netdd_checksum_mended_total", half.labels, half.statistics.transmitChecksumMended)
        }
    }

    private static func writeLosses(of halves: [HalfFigures], to text: inout PrometheusText) {
        text.family(
            "netdd_drops_total", .counter,
            "Packets dropped: tx_refused by the host, rx_oversized as larger than any may be.")
        for half in halves {
            let (reason, value) =
                half.direction == .transmit
                ? ("tx_refused", half.statistics.transmitRefused)
                : ("rx_oversized", half.statistics.receiveOversized)
            text.sample("netdd_drops_total", half.labels + [("reason", reason)], value)
        }
        text.family(
            "netdd_errors_total", .counter,
            "Packets lost because a guest broke a rule of the ring, or a grant copy failed.")
        for half in halves {
            let rules =
                half.direction == .transmit
                ? [
                    ("tx_invalid", half.statistics.transmitInvalid),
                    ("tx_copy_failures", half.statistics.transmitCopyFailures),
                ] : [("rx_copy_failures", half.statistics.receiveCopyFailures)]
            for (rule, value) in rules {
                text.sample("netdd_errors_total", half.labels + [("rule", rule)], value)
            }
        }
    }

    private static func writeStanding(of halves: [HalfFigures], to text: inout PrometheusText) {
        text.family(
            "netdd_answers_pending", .gauge,
            "Answers in the journal that are not shown in the ring yet.")
        for half in halves {
            guard let pending = half.answersPending else { continue }
            text.sample("netdd_answers_pending", half.labels, pending)
        }
        text.family(
            "netdd_slots_in_flight", .gauge,
            "Slots whose packets may be in the host's hands and have no answer.")
        for half in halves {
            guard let slots = half.slotsInFlight else { continue }
            text.sample("netdd_slots_in_flight", half.labels, slots)
        }
        text.family("netdd_half_disabled", .gauge, "1 for a half that does no more ring work.")
        for half in halves {
            text.sample("netdd_half_disabled", half.labels, half.isDisabled ? 1 : 0)
        }
    }

    // MARK: workers

    private static func writeWorkers(
        of view: StateView<MappedWords>, at instant: Instant, to text: inout PrometheusText
    ) {
        let workers = 0..<min(view.layout.workers, view.journal.workerCount)
        text.family(
            "netdd_beat_age_seconds", .gauge,
            "Since the worker's last beat; an idle one rests between two beats.")
        if let heartbeat = view.heartbeat {
            for worker in workers where worker < heartbeat.slotCount {
                guard let beat = heartbeat.lastBeat(ofSlot: worker) else { continue }
                let age = instant.nanoseconds(since: Instant(nanoseconds: beat.nanoseconds))
                let activity = heartbeat.activity(ofSlot: worker).map { "\($0)" } ?? "unknown"
                text.sample(
                    "netdd_beat_age_seconds",
                    [("worker", "\(worker)"), ("activity", activity)],
                    PrometheusText.seconds(age))
            }
        }
        text.family(
            "netdd_lease_epoch", .gauge, "How many lives the worker has had, this one included.")
        for worker in workers {
            let holder = view.journal.worker(worker).lease.holder
            text.sample("netdd_lease_epoch", [("worker", "\(worker)")], UInt64(holder.rawValue))
        }
        text.family("netdd_worker_process", .gauge, "The process that serves; 0 for none yet.")
        for worker in workers {
            let process = view.journal.worker(worker).owner.process
            text.sample(
                "netdd_worker_process", [("worker", "\(worker)")], UInt64(max(process, 0)))
        }
    }

    // MARK: events

    private func writeHistory(to text: inout PrometheusText) {
        let counters: [(String, String, UInt64)] = [
            (
                "netdd_takeovers_total", "Times that a successor took over, handovers included.",
                history.takeovers
            ),
            (
                "netdd_primary_deaths_total", "Primaries that did not end properly.",
                history.primaryDeaths
            ),
            (
                "netdd_given_up_total", "Primaries that their shadow gave up, and killed.",
                history.givenUp
            ),
            (
                "netdd_handovers_total", "Primaries that were told to let go.", history.handovers
            ),
            (
                "netdd_isolations_total",
                "Halves served no more because backends died at the same request.",
                history.isolations
            ),
            (
                "netdd_disabled_halves_total",
                "Halves that were disabled: a guest broke a rule, or a service failed.",
                history.disabledHalves
            ),
            ("netdd_crash_reports_total", "Crash reports that were written.", history.reports),
            (
                "netdd_events_lost_total", "Events that are in none of these figures.",
                history.lost
            ),
        ]
        for (name, help, value) in counters {
            text.family(name, .counter, help)
            text.sample(name, [], value)
        }
        history.detection.write(
            "netdd_detection_seconds",
            """
            Of primaries that were given up: from when one was last seen alive until then. A plain \
            death is not in it: nobody knows its time, the kernel hands the locks on at once.
            """, to: &text)
        history.gap.write(
            "netdd_gap_seconds",
            """
            Of takeovers: from when the given-up primary was last seen alive, or else from when \
            the first worker had its lock, until each worker with queues had carried a packet; \
            where nothing waits for one, that time is in it.
            """, to: &text)
    }
}
