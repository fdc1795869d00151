// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Heartbeat
import NetBack
import Netif
import Ring
import SharedMemory

/// `ringctl journal`: what a successor would find.
struct JournalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Show the takeover journal: workers, their unfinished steps, a vif's queues.",
        discussion: """
            The journal is what a successor goes on from; docs/TAKEOVER.md explains it. It is read
            from the memory of the pair, which stays there when the primary hangs or is dead, or
            from a crash report (--report). The answers that are kept and not yet in the ring are
            shown one by one.

            For a worker whose last owner died, `evidence` is what that owner left in the middle
            of its step, copied before its successor put it in order.
            """)

    @Argument(help: "One vif; without it the workers alone.")
    var vif: VifArgument?

    @OptionGroup var options: SubjectOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let subject = try options.open()
        try subject.withView { view in try show(view, of: subject) }
    }

    private func show(_ view: StateView<MappedWords>, of subject: Subject) throws {
        let looks = try vif.map { try subject.named($0) } ?? []
        let queues = looks.flatMap { look in look.queues.map { (look.vif, $0) } }
            .filter { $0.1.slot != nil }
        if output.json {
            try output.print(JournalDocument(view, now: subject.now, queues.map(\.1)))
            return
        }
        print(
            "journal version \(JournalLayout.version) of "
                + "\(TextTable.printable(view.journal.domain)), "
                + "\(view.layout.workers) workers, \(view.layout.queues) pages for queues")
        for worker in 0..<view.layout.workers { show(worker, view, now: subject.now) }
        for (vif, queue) in queues { show(queue, name: "\(vif) queue \(queue.index)", view) }
        guard vif == nil || !queues.isEmpty else {
            throw Complaint("the journal has no page for it", remedy: nil)
        }
    }

    private func show(_ worker: Int, _ view: StateView<MappedWords>, now: UInt64) {
        let page = view.journal.worker(worker)
        let since = page.servesSince
        let age = now > since ? Duration.text(nanoseconds: now - since) : "?"
        let activity = view.heartbeat?.activity(ofSlot: worker).map { "\($0)" } ?? "nonsense"
        print(
            "worker \(worker): process \(page.owner.process) thread \(page.owner.thread) "
                + "epoch \(page.lease.holder) for \(age), \(activity)")
        if let step = page.unfinishedStep { print("  step: \(text(of: step, view))") }
        let evidence = view.evidence(ofWorker: worker)
        guard evidence.revision > 0 else { return }
        let old = evidence.workerPage(queueCount: view.layout.queues)
        let died = now > evidence.nanoseconds ? now - evidence.nanoseconds : 0
        print(
            "  evidence of process \(old.owner.process), \(Duration.text(nanoseconds: died)) ago: "
                + (old.unfinishedStep.map { text(of: $0, view) } ?? "between steps"))
        if let half = evidence.half(queueCount: view.layout.queues) {
            Self.lines(of: evidence, half.direction, view).forEach { print("  \($0)") }
        }
    }

    /// The ring and the page of the half in whose step a worker died.
    static func lines(
        of evidence: Evidence<MappedWords>, _ direction: QueueDirection,
        _ view: StateView<MappedWords>
    ) -> [String] {
        let ring = CopiedWords(copying: view.words, from: evidence.ringWord)
        let page = HalfPage(evidence.queuePage, direction)
        let lines =
            direction == .transmit
            ? RingImage<TransmitFormat>(ring).lines(with: page)
            : RingImage<ReceiveFormat>(ring).lines(with: page)
        return lines + page.notes
    }

    private func text(
        of step: WorkerJournal<MappedWords>.Step, _ view: StateView<MappedWords>
    ) -> String {
        let opening = view.journal.queue(step.half.slot).opening(slot: step.half.slot)
        let name = opening.map { "\($0.id)" } ?? "page \(step.half.slot)"
        let way = step.half.direction == .transmit ? "Tx" : "Rx"
        return "\(name) \(way) base \(step.base) frames before \(step.framesBefore)"
            + (step.poolCount > 0 ? " pool \(step.poolCount)" : "")
    }

    private func show(_ queue: QueueLook, name: String, _ view: StateView<MappedWords>) {
        guard let slot = queue.slot else { return }
        let page = view.journal.queue(slot)
        print("\(name): page \(slot), interface \(TextTable.printable(page.interfaceName))")
        if let features = queue.opening?.features {
            print("  features 0x\(String(features.rawValue, radix: 16))")
        }
        if let half = queue.transmit.journal {
            let intended = half.intended ?? half.done
            print("  Tx published \(half.published) done \(half.done) intended \(intended)")
            let count = half.done.distance(from: half.published)
            for offset in 0..<min(count, TransmitFormat.slotCount) {
                let index = half.published.advanced(by: offset)
                let response = TransmitResponse(page.transmit.answer(at: index))
                print("    answer at \(index): id \(response.id) status \(response.status)")
            }
        }
        if let half = queue.receive.journal {
            print("  Rx published \(half.published) done \(half.done) frames \(half.frames)")
            let count = half.done.distance(from: half.published)
            for offset in 0..<min(count, ReceiveFormat.slotCount) {
                let index = half.published.advanced(by: offset)
                let response = ReceiveResponse(page.receive.answer(at: index))
                print(
                    "    answer at \(index): id \(response.id) offset \(response.offset) "
                        + "status \(response.status)")
            }
        }
    }
}
