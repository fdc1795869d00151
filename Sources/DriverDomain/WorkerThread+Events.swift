// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Heartbeat
import HostNetwork
import NetBack
import Platform
import SharedMemory

// What a worker keeps for an inspector.
extension WorkerThread where H: ~Copyable {
    /// Copies what the last owner of the lock left before anything of it is put in order.
    func keepEvidence(at instant: Instant) {
        let page = region.journal.worker(worker.number)
        let half = page.unfinishedStep?.half
        let id = half.flatMap { region.journal.queue($0.slot).opening(slot: $0.slot)?.id }
        var ring: MappedWords?
        if let half, let id { ring = worker.ring(of: QueueHalf(id, half.direction)) }
        region.keepEvidence(ofWorker: worker.number, half, at: instant, ring: ring)
    }

    /// Tells of a takeover and, if anybody had the lock before, keeps it as events. Caller: once
    /// what had waited is carried.
    func tell(of start: WorkerStart) {
        // The process's first thread watched over the predecessor. From here on nothing is urgent
        // but what workers do.
        _ = clinux_set_normal(getpid())
        replies.post(.tookOver(start))
        if start.found.packetsCarried > 0 {
            replies.post(.firstPacket(worker: worker.number, at: start.doneAt))
        }
        if start.hasPredecessor { note(start) }
    }

    private func note(_ start: WorkerStart) {
        let (found, doneAt) = (start.found, start.doneAt)
        region.note(.tookOver) {
            $0.worker = worker.number
            $0.begin = start.lockedAt.nanoseconds
            $0.end = doneAt.nanoseconds
            $0.count = UInt32(clamping: found.halfCount)
            $0.name(found.unfinished, in: region.journal)
            if found.unfinished != nil {
                $0.text = "sent_before=\(found.framesSentBefore) recovered=\(found.framesRecovered)"
            }
        }
        // Those of the unfinished step were carried as a part of it.
        if found.packetsCarried > 0 { noteFirstPacket(at: doneAt) }
        for (half, fault) in found.faults {
            region.note(.journalRefused) {
                $0.name(half, in: region.journal)
                $0.text = "\(fault)"
            }
        }
        if let (half, deaths) = found.isolated {
            region.note(.isolated) {
                $0.name(half, in: region.journal)
                $0.count = UInt32(clamping: deaths)
            }
        }
    }

    /// Tells of the first packet since the takeover.
    func reportFirstPacket(at instant: Instant) {
        replies.post(.firstPacket(worker: worker.number, at: instant))
        noteFirstPacket(at: instant)
    }

    private func noteFirstPacket(at instant: Instant) {
        region.note(.firstPacket) {
            $0.worker = worker.number
            $0.begin = instant.nanoseconds
        }
    }

    /// Tells the control plane what became of a half, and keeps it as an event.
    func tell(_ event: HalfEvent) {
        replies.post(.half(event))
        switch event {
        case .opened(let half): region.note(.opened) { $0.name(half) }
        case .closed(let half, .some): region.note(.closed) { $0.name(half) }
        case .disabled(let half, let fault):
            region.note(.disabled) {
                $0.name(half)
                $0.text = fault
            }
        case .closed, .openFailed: break
        }
    }
}
