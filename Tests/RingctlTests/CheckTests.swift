// SPDX-License-Identifier: Apache-2.0
import Heartbeat
import NetBack
import Platform
import Ring
import SharedMemory
import Testing

@testable import ringctl

@Suite("ringctl check")
struct CheckTests {
    private func rules(
        _ files: [String: [UInt8]] = [:], isLive: Bool = true,
        _ body: (StateView<MappedWords>) -> Void = { _ in }
    ) throws -> [Finding.Rule] {
        let subject = try Subject(
            files: StateBytes(body).files(files, isLive: isLive), name: "a test")
        return try CheckCommand.findings(of: subject, nil).map(\.rule)
    }

    @Test("a sound backend has no finding")
    func sound() throws {
        #expect(try rules() == [])
    }

    @Test("each broken rule of a ring is named")
    func rings() throws {
        let wide = StateBytes.ring(requestProducer: 300, responseProducer: 10)
        #expect(try rules(["ring-1-tx": wide]) == [.ringIndices])
        let deaf = StateBytes.ring(
            requestProducer: 10, responseProducer: 10, responseEvent: 10 + 257)
        #expect(try rules(["ring-1-tx": deaf]) == [.responseEvent])
        // As far ahead as a guest may ask for.
        let full = StateBytes.ring(
            requestProducer: 10, responseProducer: 10, responseEvent: 10 + 256)
        #expect(try rules(["ring-1-tx": full]) == [])
        // The journal is before what the guest has posted.
        let behind = StateBytes.ring(requestProducer: 9, responseProducer: 9)
        #expect(try rules(["ring-1-tx": behind]) == [.journalRing])
        // In a report the ring is of a moment later.
        #expect(try rules(["ring-1-tx": behind], isLive: false) == [])
    }

    @Test("indices that wrap at 2^32 are no finding")
    func wrap() throws {
        let ring = StateBytes.ring(requestProducer: 5, responseProducer: .max - 1)
        let found = try rules(["ring-1-tx": ring]) { view in
            view.journal.queue(1).transmit.reset(at: RingIndex(.max - 1), frames: 0)
        }
        // It is left alone, and that is all that is wrong with it.
        #expect(found == [.noProgress])
    }

    @Test("a journal that contradicts itself, and halves that do no more")
    func journal() throws {
        #expect(
            try rules { view in view.journal.queue(1).corrupt() }
                == [.journalOrder, .journalOrder])
        #expect(
            try rules { view in view.journal.queue(1).half(.receive).disable() }
                == [.halfDisabled])
        #expect(
            try rules { view in view.journal.queue(1).half(.transmit).stall(true) }
                == [.halfStalls])
        #expect(
            try rules { view in
                view.journal.queue(1).half(.receive).note(
                    channel: EventChannelPort(2), worker: 9)
            } == [.journalWorker])
    }

    @Test("the same queue in two pages")
    func double() throws {
        let found = try rules { view in
            guard let opening = view.journal.queue(1).opening(slot: 1) else { return }
            view.journal.queue(2).describe(opening, interfaceName: "vif7.0")
        }
        #expect(found.contains(.journalDouble))
    }

    @Test("a worker that is stuck at its work is silent, one that waits is not")
    func silence() throws {
        let found = try rules { view in
            view.heartbeat?.pulse(ofSlot: 0).enter(.transmit)
            // Its last beat was at 9 s, and the report is of 10 s: a second, and no more.
            var pulse = view.heartbeat!.pulse(ofSlot: 0)
            pulse.beat(at: 8_000_000_000)
        }
        #expect(found == [.workerSilent])
    }

    @Test("deaths at one place, and a truncated state")
    func rest() throws {
        let found = try rules { view in
            let page = view.journal.worker(1)
            page.begin(JournalHalf(slot: 1, direction: .receive), at: RingIndex(20), frames: 20)
            if let step = page.unfinishedStep { _ = page.noteDeath(in: step) }
        }
        #expect(found == [.workerDeaths])
        var state = StateBytes()
        state.bytes.removeLast(100)
        let subject = try Subject(files: state.files(), name: "a test")
        #expect(try CheckCommand.findings(of: subject, nil).map(\.rule) == [.stateTruncated])
    }

    @Test("a missing ring is said, not passed over")
    func unreadable() throws {
        var files = StateBytes().files()
        files.files["ring-1-rx"] = nil
        let subject = try Subject(files: files, name: "a test")
        #expect(try CheckCommand.findings(of: subject, nil).map(\.rule) == [.ringUnreadable])
    }
}
