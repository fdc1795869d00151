// SPDX-License-Identifier: Apache-2.0
import NetBack
import Ring
import SharedMemory
import TestSupport
import Testing

@testable import ringctl

@Suite("ringctl journal")
struct EvidenceTests {
    @Test("the ring and the page of a death within a step are shown as they were")
    func evidence() throws {
        let state = StateBytes { view in
            let half = JournalHalf(slot: 1, direction: .transmit)
            let ring = RingPage()
            for (word, value) in [UInt32(13), 14, 10, 11].enumerated() {
                ring.words.storeRelaxed(value, at: word)
            }
            view.journal.queue(1).transmit.intend(upTo: RingIndex(12))
            view.evidence(ofWorker: 0).keep(
                half, at: 1, journal: view.journal, worker: 0, beat: { _ in 0 }, ring: ring.words)
            // What the successor did of it is not what is shown.
            view.journal.queue(1).transmit.reset(at: RingIndex(13), frames: 13)
        }
        let subject = try Subject(files: state.files(), name: "a test")
        let lines = try subject.withView { view in
            JournalCommand.lines(of: view.evidence(ofWorker: 0), .transmit, view)
        }
        #expect(
            lines == [
                "  nr_ents   256        unanswered    3",
                "  req_prod  13 (+3)    req_event     14 (+4)",
                "  rsp_prod  10 (base)  rsp_event     11 (+1)",
                "  req_cons  10 (base)  rsp_prod_pvt  10 (base)",
                "  intended  12 (+2)    channel       1",
                "  worker    0          frames        10",
            ])
    }
}
