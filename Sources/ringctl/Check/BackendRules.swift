// SPDX-License-Identifier: Apache-2.0
import Glibc
import Heartbeat
import NetBack
import Platform
import SharedMemory

/// What must hold of a backend's workers, of its journal as a whole, and of its pair.
enum BackendRules {
    /// A worker that has work and no beat for longer is silent, in nanoseconds.
    private static var silenceMax: UInt64 { 1_000_000_000 }

    static func findings(of subject: Subject) -> [Finding] {
        guard let image = subject.image else {
            guard let failure = subject.imageFailure else { return [] }
            return [Finding(rule: .stateMissing, place: "backend", text: failure)]
        }
        var found: [Finding] = []
        if image.missingByteCount > 0 {
            found.append(
                Finding(
                    rule: .stateTruncated, place: "state",
                    text: "its last \(image.missingByteCount) bytes are missing and read as zero"))
        }
        found += findings(ofJournal: image.view)
        for worker in 0..<image.view.layout.workers {
            found += findings(ofWorker: worker, image.view, subject)
        }
        // A report is of the moment of a death.
        let isReport = subject.files?.isLive == false
        if !isReport, let shadow = shadowFinding(image.view) { found.append(shadow) }
        return found
    }

    private static func findings(ofJournal view: StateView<MappedWords>) -> [Finding] {
        let journal = view.journal
        var places: [String: Int] = [:]
        var found: [Finding] = []
        for slot in 0..<journal.queueCount {
            guard let opening = journal.queue(slot).opening(slot: slot) else { continue }
            let name = "\(opening.id.vif) queue \(opening.id.index)"
            if let other = places[name] {
                found.append(
                    Finding(
                        rule: .journalDouble, place: name,
                        text: "the journal has it twice, in pages \(other) and \(slot)"))
            }
            places[name] = slot
            for direction in [QueueDirection.transmit, .receive] {
                let worker = journal.queue(slot).half(direction).worker
                guard worker >= view.layout.workers else { continue }
                found.append(
                    Finding(
                        rule: .journalWorker, place: name,
                        text: "worker \(worker) is to serve it, and there are "
                            + "\(view.layout.workers)"))
            }
        }
        return found
    }

    private static func findings(
        ofWorker worker: Int, _ view: StateView<MappedWords>, _ subject: Subject
    ) -> [Finding] {
        let page = view.journal.worker(worker)
        let place = "worker \(worker)"
        var found: [Finding] = []
        func add(_ rule: Finding.Rule, _ text: String) {
            found.append(Finding(rule: rule, place: place, text: text))
        }
        let activity = view.heartbeat?.activity(ofSlot: worker)
        if view.heartbeat == nil || activity == nil {
            add(.beatBroken, "its heartbeat makes no sense")
        }
        if page.lease.holder == .none {
            add(.workerUnowned, "nobody has ever served its queues")
        } else if subject.copiedAt == nil, kill(page.owner.process, 0) != 0, errno == ESRCH {
            add(.workerGone, "process \(page.owner.process), which serves it, is gone")
        }
        let isBusy = activity != .waiting && activity != .resting && activity != .stopped
        if isBusy, let beat = view.heartbeat?.lastBeat(ofSlot: worker) {
            let now = subject.now
            let age = now > beat.nanoseconds ? now - beat.nanoseconds : 0
            if age > silenceMax, let activity {
                add(
                    .workerSilent,
                    "it has been at \(activity) for \(Duration.text(nanoseconds: age)) and "
                        + "does not beat")
            }
        }
        if let deaths = page.deaths {
            add(
                .workerDeaths,
                "backends died in a step of page \(deaths.half.slot) \(deaths.half.direction), "
                    + "\(deaths.count) in a row")
        }
        return found
    }

    /// A pair without a shadow survives nothing.
    private static func shadowFinding(_ view: StateView<MappedWords>) -> Finding? {
        let events = view.events.events().map(\.event)
        // A backend without members is no pair.
        guard events.contains(where: { $0.kind == .memberStarted }) else { return nil }
        let serving = events.lastIndex { $0.kind == .serving }
        let standing = events.lastIndex { $0.kind == .standing }
        guard let serving else { return nil }
        if let standing, standing > serving {
            let process = events[standing].process
            let isGone = events[standing...].contains {
                $0.kind == .ended && $0.process == process
            }
            if !isGone { return nil }
        }
        return Finding(
            rule: .noShadow, place: "pair",
            text: "no shadow stands by: a death now would stop traffic until one is started")
    }
}
