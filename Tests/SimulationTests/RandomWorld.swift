// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import NetBack
import Netif
import Platform
import SharedMemory
import TestSupport

/// A machine, guests and one backend process after the other, each with two workers; what happens,
/// and when, follows from the seed.
final class RandomWorld {
    static let queueCount = 4

    let machine: Machine
    let memory: BackendMemory
    let arenas: [BackendMemory]
    let plan: FaultPlan
    private(set) var guests: [RandomGuest] = []
    private(set) var workers: [BackendWorker] = []
    private var zombies: [BackendWorker] = []
    private var random: SplitMix64
    private var isolation: IsolationChecker
    private(set) var deathCount = 0
    /// Deaths in the middle of a step.
    private(set) var crashPoints = 0
    private(set) var found = LifeFindings()
    private(set) var violations: [String] = []
    /// The last things that happened.
    private(set) var events: [String] = []
    private var faults: [String] = []

    init(seed: UInt64, on stage: RandomStage) throws {
        random = SplitMix64(seed: seed)
        plan = FaultPlan(&random)
        machine = try Machine(form: .oneProcess)
        try machine.createDomain(name: "backend", pageCount: 1, id: DomainID(1))
        memory = stage.memory
        arenas = stage.arenas
        isolation = IsolationChecker(workerCount: arenas.count)
        stage.clear()
        let journal = Journal(
            formatting: memory.journal, workers: arenas.count, queues: Self.queueCount)
        let count = Int.random(in: 2...Self.queueCount, using: &random)
        for slot in 0..<count {
            let isHostile = slot > 0 && plan.hostility > 0 && slot == count - 1
            let guest = try RandomGuest(
                DomainID(UInt16(2 + slot)), slot: slot, machine, isHostile: isHostile, &random)
            guests.append(guest)
            journal.queue(slot).describe(guest.opening, interfaceName: "test")
        }
        if random.happens(150) { guests[0].line.poison = Int.random(in: 0..<8, using: &random) }
        workers = try arenas.indices.map { try BackendWorker(self, number: $0) }
        for worker in workers {
            guard worker.acquire() else { preconditionFailure("a lease that nobody had") }
            for guest in guests { try worker.open(guest) }
        }
    }

    /// Lets everything happen, then lets it come to rest, and judges.
    func play() throws {
        for _ in 0..<Int.random(in: 5...40, using: &random) { try round() }
        note("quiet")
        var isBusy = true
        var rounds = 0
        while isBusy, rounds < 600 {
            isBusy = try quietRound()
            rounds += 1
        }
        if isBusy { violations.append("the world never comes to rest") }
        judge()
        try close()
    }

    private func note(_ event: @autoclosure () -> String) {
        if events.count == 50 { events.removeFirst() }
        events.append(event())
    }

    // MARK: time

    private func round() throws {
        for guest in guests.shuffled(using: &random) where !guest.isGone {
            if random.happens(500) {
                _ = guest.deliver(Int.random(in: 1...4, using: &random))
            }
            if random.happens(700) { _ = try guest.act(plan, &random, isQuiet: false) }
            if random.happens(plan.vanish) { try vanish(guest) }
        }
        if deathCount < plan.deathsMax, random.happens(plan.kill) { return try end() }
        for worker in workers where random.happens(800) { _ = try worker.turn(guests) }
        if workers.contains(where: \.clock.isDead) { try die("poison") }
        wakeZombies()
    }

    private func quietRound() throws -> Bool {
        var isBusy = false
        for guest in guests where !guest.isGone {
            if guest.deliver(8) { isBusy = true }
            if try guest.act(plan, &random, isQuiet: true) { isBusy = true }
        }
        for worker in workers where try worker.turn(guests) { isBusy = true }
        if workers.contains(where: \.clock.isDead) {
            try die("poison")
            isBusy = true
        }
        wakeZombies()
        // An event that was lost is what the slow look at everything is there for.
        if !isBusy, guests.contains(where: \.hasLostEvents) {
            for guest in guests where guest.hasLostEvents {
                guest.poll()
                guest.hasLostEvents = false
            }
            for worker in workers { worker.lookAtEverything() }
            isBusy = true
        }
        return isBusy
    }

    private func vanish(_ guest: RandomGuest) throws {
        note("guest \(guest.slot) vanishes")
        guest.isGone = true
        try machine.destroyDomain(guest.id)
        if random.happens(500) { for worker in workers { worker.close(guest) } }
    }

    // MARK: deaths

    private func end() throws {
        if random.happens(plan.zombie) {
            note("the process stalls")
            deathCount += 1
            let stalled = workers
            try replace(stalled)
            zombies += stalled
            if workers.contains(where: \.clock.isDead) { try die("in the takeover") }
            return
        }
        // Mostly in the middle of something.
        for guest in guests where !guest.isGone {
            _ = guest.deliver(1)
            _ = try guest.act(plan, &random, isQuiet: false)
        }
        for worker in workers where random.happens(850) {
            let window = [2, 6, 24].randomElement(using: &random) ?? 1
            worker.clock.crashAt = worker.clock.count + .random(in: 1...window, using: &random)
            _ = try worker.turn(guests)
        }
        try die("kill")
    }

    private func die(_ reason: String) throws {
        while true {
            for worker in workers { worker.die() }
            deathCount += 1
            note("death \(deathCount): \(reason)")
            if random.happens(plan.corruption) { corrupt() }
            let dead = workers
            try replace(dead)
            for worker in dead { worker.abandon() }
            if !workers.contains(where: \.clock.isDead) { return }
            if deathCount > 100 {
                violations.append("isolation: one backend after the other dies")
                guests[0].line.poison = nil
            }
        }
    }

    /// Makes the next process and lets it serve on.
    private func replace(_ former: [BackendWorker]) throws {
        workers = try arenas.indices.map { try BackendWorker(self, number: $0) }
        for worker in workers {
            for guest in guests where !guest.isGone && !worker.follow(guest) {
                if !guest.isCorrupted { violations.append("guest \(guest.slot) is not followed") }
            }
        }
        for worker in workers {
            if deathCount < plan.deathsMax, random.happens(plan.killInTakeover) {
                worker.clock.crashAt = Int.random(in: 0..<16, using: &random)
            }
            guard worker.acquire() else {
                violations.append("R7: a successor did not get the lease")
                return
            }
            let step = worker.worker.journal.worker(worker.number).unfinishedStep
            if step != nil { crashPoints += 1 }
            isolation.expect(step, of: worker.number)
            let taken = try worker.takeOver()
            note("worker \(worker.number): \(String(describing: taken)), step \(step as Any)")
            guard let taken else {
                if let half = isolation.isolated(by: worker.number) {
                    guests[half.slot].isIsolated = true
                }
                return
            }
            violations += isolation.check(taken, of: worker.number)
            if let isolated = taken.isolated { guests[isolated.half.slot].isIsolated = true }
            found.sentBefore += Int(taken.framesSentBefore)
            found.recovered += taken.framesRecovered
            found.faults += taken.faults.map(\.fault)
            worker.clock.crashAt = nil
            for fault in taken.faults where !guests[fault.half.slot].isCorrupted {
                violations.append("guest \(fault.half.slot): \(fault.fault)")
            }
        }
    }

    private func wakeZombies() {
        for zombie in zombies {
            // What a worker asks before each of its turns.
            if zombie.holdsLease { violations.append("R7: two workers hold one lease") }
            zombie.die()
            zombie.abandon()
        }
        zombies = []
    }

    /// Writes into the journal as a stray store would.
    private func corrupt() {
        let journal = memory.journal
        let slot = Int.random(in: 0..<guests.count, using: &random)
        let page = 1 + arenas.count + slot
        note("the journal of guest \(slot) is written over")
        guests[slot].isCorrupted = true
        if random.happens(300) {
            if let pages = try? Journal(attachingTo: journal) { pages.queue(slot).corrupt() }
            return
        }
        guests[slot].isRecognisable = false
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            let word = page * 1024 + Int.random(in: 0..<1024, using: &random)
            let value: UInt32 =
                random.happens(500)
                ? journal.loadRelaxed(at: word) ^ 1 << UInt32.random(in: 0..<32, using: &random)
                : [0, .max, .random(in: 0 ... .max, using: &random)]
                    .randomElement(using: &random) ?? 0
            journal.storeRelaxed(value, at: word)
        }
    }

    // MARK: judgement

    private func judge() {
        for guest in guests where !guest.isGone && guest.isRecognisable {
            guard let honest = guest.honest else { continue }
            if guest.isCorrupted {
                if let broken = honest.oracle.broken {
                    violations.append("guest \(guest.slot), emergency: \(broken)")
                }
                continue
            }
            let judged = Judge(
                honest, guest.line, crashCount: deathCount, isEnded: guest.isIsolated)
            violations += judged.violations.map { "guest \(guest.slot): \($0)" }
        }
        for worker in workers {
            for (slot, fault) in worker.faults {
                guard guests.indices.contains(slot) else { continue }
                let guest = guests[slot]
                if guest.honest == nil || guest.isGone || guest.isCorrupted || guest.isIsolated {
                    continue
                }
                violations.append("an honest guest's half ended: \(slot): \(fault)")
            }
        }
    }

    /// R3: what was mapped is unmapped.
    private func close() throws {
        for guest in guests {
            for worker in workers { worker.close(guest) }
            guard let honest = guest.honest, !guest.isGone else { continue }
            for reference in honest.ringReferences
            where machine.mappingCount(of: reference, of: guest.id) > 0 {
                violations.append("R3: grant \(reference) of guest \(guest.slot) is still mapped")
            }
        }
    }
}
