// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Netif
import Platform
import Ring
import SharedMemory
import TestSupport

@testable import NetBack

/// The hypervisor of a backend that may die. Each copy into a guest's page is an effect; copies out
/// of it are none that anybody sees, and count once.
struct MortalHypervisor: Hypervisor, ~Copyable {
    private var inner: InProcessHypervisor
    private let clock: CrashClock
    private let bells: Bells
    private var single = GrantCopyBatch(capacity: 1)

    init(_ machine: Machine, clock: CrashClock, bells: Bells) throws {
        inner = try InProcessHypervisor(machine, domain: DomainID(1))
        self.clock = clock
        self.bells = bells
    }

    mutating func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws(PlatformError) {
        if direction == .fromGuest {
            guard clock.tick() else { return }
            try inner.copy(&batch, direction, arena: arena)
            clock.afterEffect?()
            return
        }
        for position in 0..<batch.count where clock.tick() {
            single.removeAll()
            single.append(batch[position])
            try inner.copy(&single, direction, arena: arena)
            batch.setStatus(single[0].status, at: position)
            clock.afterEffect?()
        }
    }

    mutating func notify(_ port: EventChannelPort) throws(PlatformError) {
        guard clock.tick() else { return }
        bells.toGuest[Int(port.rawValue)] = true
        clock.afterEffect?()
    }

    // Rings are reached without being mapped, and channels are bells.
    private static var unused: PlatformError { PlatformError("unused", errno: 38) }
    mutating func map(
        _ reference: GrantReference, of domain: DomainID
    ) throws(PlatformError) -> MappedPages { throw Self.unused }
    mutating func unmap(_ pages: consuming MappedPages) throws(PlatformError) {
        pages.relinquish()
    }
    mutating func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws(PlatformError) -> EventChannelPort { throw Self.unused }
    mutating func adopt(_ port: EventChannelPort) throws(PlatformError) {}
    mutating func disown(_ port: EventChannelPort) throws(PlatformError) {}
    mutating func unbind(_ port: EventChannelPort) throws(PlatformError) {}
    mutating func nextPending() throws(PlatformError) -> EventChannelPort? { nil }
    mutating func unmask(_ port: EventChannelPort) throws(PlatformError) {}
}

/// What a successor found.
struct LifeFindings {
    var sentBefore = 0
    var recovered = 0
    var faults: [JournalFault] = []
}

/// One life of a backend: the queues' own code over memory that stops when it dies, and around it
/// what `Worker` does, for `Worker` itself knows only memory that does not count.
final class Life {
    typealias Transmit = TransmitQueue<MortalWords, MortalPort>
    typealias Receive = ReceiveQueue<MortalWords, MortalPort>

    let clock: CrashClock
    private let bells: Bells
    private let lines: [HostLine]
    private let step: WorkerJournal<MortalWords>
    private var hypervisor: MortalHypervisor
    private var scratch: WorkerScratch<MortalWords>
    private var transmits = Slab<Transmit>()
    private var receives = Slab<Receive>()
    private(set) var faults: [QueueFault] = []
    private(set) var found = LifeFindings()

    init(_ world: CrashWorld, clock: CrashClock, isFirst: Bool) throws {
        self.clock = clock
        bells = world.bells
        lines = world.lines
        hypervisor = try MortalHypervisor(world.stage.machine, clock: clock, bells: world.bells)
        let words = MortalWords(world.stage.memory.journal, clock: clock)
        let journal =
            isFirst
            ? Journal(formatting: words, workers: 1, queues: world.queues.count)
            : try Journal(attachingTo: words)
        step = journal.worker(0)
        scratch = WorkerScratch(arena: world.stage.memory.arena, step: step)
        for (number, queue) in world.queues.enumerated() {
            let opening = world.opening(number)
            let page = journal.queue(number)
            if isFirst { page.describe(opening, interfaceName: "test") }
            let channel = EventChannelPort(UInt32(number))
            var transmit = Transmit(
                opening, words: MortalWords(queue.transmitWords, clock: clock), channel: channel,
                journal: page, port: MortalPort(world.lines[number], clock: clock))
            var receive = Receive(
                opening, words: MortalWords(queue.receiveWords, clock: clock), channel: channel,
                journal: page, port: MortalPort(world.lines[number], clock: clock))
            if isFirst {
                try transmit.attach()
                try receive.attach()
            }
            _ = transmits.insert(transmit)
            _ = receives.insert(receive)
        }
    }

    /// The same in the same order as `Worker.takeOver`.
    func takeOver() {
        let unfinished = step.unfinishedStep
        if let unfinished {
            let place = unfinished.half.slot
            switch unfinished.half.direction {
            case .transmit:
                resumeTransmit(place, unfinished)
                if transmits[place].isReady { serveTransmit(place) }
            case .receive:
                resumeReceive(place, unfinished)
                receives[place].endIfAnswered(scratch: &scratch)
                if receives[place].isReady { serveReceive(place) }
            }
            scratch.recovered = nil
            step.end()
        }
        for place in lines.indices {
            let half = JournalHalf(slot: place, direction: .transmit)
            if half != unfinished?.half { resumeTransmit(place, nil) }
        }
        for place in lines.indices {
            let half = JournalHalf(slot: place, direction: .receive)
            if half != unfinished?.half { resumeReceive(place, nil) }
        }
    }

    /// Whether the journal says that it is in the middle of something, which it never is between
    /// two turns.
    var isInStep: Bool { !clock.isDead && step.unfinishedStep != nil }

    /// One turn; false when there was nothing to do.
    func turn() -> Bool {
        var isIdle = true
        for place in lines.indices {
            if bells.transmitToBackend[place] { transmits[place].isPending = true }
            if bells.receiveToBackend[place] { receives[place].isBlocked = false }
            bells.transmitToBackend[place] = false
            bells.receiveToBackend[place] = false
            if lines[place].waitingCount > 0 { receives[place].isPortReadable = true }
            if transmits[place].isReady {
                serveTransmit(place)
                isIdle = false
            }
            if receives[place].isReady {
                serveReceive(place)
                isIdle = false
            }
        }
        return !isIdle
    }

    private func resumeTransmit(_ place: Int, _ step: WorkerJournal<MortalWords>.Step?) {
        do throws(QueueFault) {
            if let fault = try transmits[place].resume(step) { found.faults.append(fault) }
            if step != nil { found.sentBefore += Int(transmits[place].sentBefore) }
        } catch {
            transmits[place].disable(for: error)
            faults.append(error)
        }
        if step != nil || !found.faults.isEmpty {
            try? hypervisor.notify(EventChannelPort(UInt32(place)))
        }
    }

    private func resumeReceive(_ place: Int, _ step: WorkerJournal<MortalWords>.Step?) {
        do throws(QueueFault) {
            if let fault = try receives[place].resume(step, scratch: &scratch) {
                found.faults.append(fault)
            }
            if step != nil { found.recovered += scratch.recovered?.frameCount ?? 0 }
        } catch {
            receives[place].disable(for: error)
            faults.append(error)
        }
        if step != nil || !found.faults.isEmpty {
            try? hypervisor.notify(EventChannelPort(UInt32(place)))
        }
    }

    private func serveTransmit(_ place: Int) {
        do throws(QueueFault) {
            transmits[place].isPending = try transmits[place].serve(
                hypervisor: &hypervisor, scratch: &scratch)
        } catch {
            transmits[place].disable(for: error)
            faults.append(error)
        }
    }

    private func serveReceive(_ place: Int) {
        do throws(QueueFault) {
            _ = try receives[place].serve(hypervisor: &hypervisor, scratch: &scratch)
        } catch {
            receives[place].disable(for: error)
            faults.append(error)
        }
    }
}
