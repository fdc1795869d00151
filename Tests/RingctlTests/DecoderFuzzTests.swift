// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import NetBack
import Platform
import SharedMemory
import TestSupport
import Testing

@testable import ringctl

/// Decoders given anything at all: a trap would end this process.
@Suite("Decoding of broken memory")
struct DecoderFuzzTests {
    /// Everything that is shown of a subject, as text.
    private func shown(of subject: Subject, after earlier: Subject? = nil) throws -> String {
        var text = ""
        for finding in try CheckCommand.findings(of: subject, nil) { text += finding.line }
        let looks = try subject.vifs(rings: true)
        let before = try (earlier ?? subject).vifs(rings: true)
        for look in looks {
            for queue in look.queues {
                text += queue.transmit.lines.joined() + queue.receive.lines.joined()
                text += queue.transmit.image?.slotLines.joined() ?? ""
                text += queue.receive.image?.slotLines.joined() ?? ""
            }
            for step in Explanation(of: look, before: look, subject).steps { text += step.text }
        }
        // Two looks may have nothing in common: memory that is written by whatever broke it.
        let rows = looks.map { look in
            VifRow(look, since: before.first { $0.vif == look.vif }, seconds: 0.02, subject)
        }
        text += VifRow.table(rows).lines.joined()
        text += WatchScreen(subject, rows).lines(WatchState(), width: 80, height: 24).joined()
        try subject.withView { view in
            let events = view.events.events().map(\.event)
            text += events.map(\.sentence).joined()
            text += TakeoverStory.stories(in: events).map(\.line).joined()
            let clock = WallClock(of: subject)
            text += events.map { clock.text($0.nanoseconds) }.joined()
            text += view.log.lines.map(TextTable.printable).joined()
            for worker in 0..<view.layout.workers {
                let evidence = view.evidence(ofWorker: worker)
                text += "\(evidence.revision) \(evidence.nanoseconds)"
                if let half = evidence.half(queueCount: view.layout.queues) {
                    text += JournalCommand.lines(of: evidence, half.direction, view).joined()
                }
                let page = evidence.workerPage(queueCount: view.layout.queues)
                text += "\(String(describing: page.unfinishedStep))"
            }
            _ = JournalDocument(view, now: subject.now, looks.flatMap(\.queues))
        }
        _ = DumpDocument(looks, slots: true)
        return text
    }

    @Test("flipped bits and cut-off ends are shown as far as possible", arguments: 1...60)
    func flips(seed: UInt64) throws {
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        var state = StateBytes { view in
            for _ in 0..<200 {
                let kind = PairEvent.Kind.allCases.randomElement(using: &random) ?? .started
                var event = PairEvent(kind, at: .random(in: 0...(.max), using: &random))
                event.process = .random(in: 0...3, using: &random)
                event.begin = .random(in: 0...(.max), using: &random)
                event.end = .random(in: 0...(.max), using: &random)
                event.count = .random(in: 0...2, using: &random)
                event.text = "x\u{1B}[2J"
                view.events.append(event)
                view.log.append("line \u{7}")
            }
        }
        for _ in 0..<Int.random(in: 1...4000, using: &random) {
            // The header's first words decide whether it is looked at at all.
            let place = Int.random(in: 16..<state.bytes.count, using: &random)
            state.bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
        }
        if Bool.random(using: &random) {
            state.bytes.removeLast(Int.random(in: 0...state.bytes.count - 4096, using: &random))
        }
        var ring = [UInt8](repeating: 0, count: Int.random(in: 0...4096, using: &random))
        for place in ring.indices { ring[place] = .random(in: 0...255, using: &random) }
        let subject = try Subject(files: state.files(["ring-1-tx": ring]), name: "a test")
        let earlier = try Subject(files: StateBytes().files(), name: "a test")
        let text = try shown(of: subject, after: earlier)
        // A terminal obeys controls: none gets there.
        let controls = text.unicodeScalars.filter {
            $0.value < 0x20 || (0x7F...0x9F).contains($0.value)
        }
        #expect(controls.isEmpty, "seed \(seed)")
    }

    @Test("times at the end of the clock, and counters that jump between two looks")
    func extremes() throws {
        let state = StateBytes { view in
            for kind in PairEvent.Kind.allCases {
                var event = PairEvent(kind, at: .max)
                event.count = 1
                event.begin = .max
                view.events.append(event)
            }
            var huge = QueueStatistics()
            huge.transmitPackets = 1 << 59
            huge.receivePackets = 1 << 59
            // A vif's queue in every page, each with a count that no queue reaches.
            for slot in 0..<view.layout.queues {
                guard let opening = view.journal.queue(1).opening(slot: slot) else { continue }
                view.journal.queue(slot).describe(opening, interfaceName: "vif7.0")
                view.journal.queue(slot).half(.transmit).keep(huge)
                view.journal.queue(slot).half(.receive).keep(huge)
            }
        }
        let earlier = try Subject(files: StateBytes().files(), name: "a test")
        let subject = try Subject(files: state.files(), name: "a test")
        #expect(try shown(of: subject, after: earlier).contains("vif7.0"))
    }

    @Test("a heartbeat page with too few slots is none, and the rest is shown")
    func heartbeat() throws {
        var state = StateBytes()
        // The number of slots, in the page's third word.
        state.bytes[4 * StateBytes.layout.journalWordCount + 8] = 1
        let subject = try Subject(files: state.files(), name: "a test")
        #expect(try shown(of: subject).contains("its heartbeat makes no sense"))
    }

    @Test("a header that makes no sense is refused in a sentence", arguments: 1...200)
    func headers(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var state = StateBytes()
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            state.bytes[Int.random(in: 0..<16, using: &random)] = .random(
                in: 0...255, using: &random)
        }
        do {
            let subject = try Subject(files: state.files(), name: "a test")
            _ = try shown(of: subject)
        } catch let complaint as Complaint {
            #expect(complaint.message.hasPrefix("a test: "), "seed \(seed)")
        }
    }

    @Test("an answer with packets is read up to where it makes no sense", arguments: 1...100)
    func packets(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var bytes = [UInt8](repeating: 0, count: Int.random(in: 0...400, using: &random))
        for place in bytes.indices { bytes[place] = .random(in: 0...40, using: &random) }
        let records = CaptureRecord.all(in: bytes)
        #expect(records.reduce(0) { $0 + 27 + $1.bytes.count } <= bytes.count, "seed \(seed)")
    }
}
