// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Glibc
import Heartbeat
import Netif
import Platform
import Ring
import SharedMemory
import TestSupport

@testable import NetBack

/// One worker's handles in a process that may die: after that they do nothing.
struct MortalHandles: Hypervisor, ~Copyable {
    private var inner: InProcessHypervisor
    private let clock: CrashClock

    init(_ machine: Machine, clock: CrashClock) throws {
        inner = try InProcessHypervisor(machine, domain: DomainID(1))
        self.clock = clock
    }

    mutating func map(
        _ reference: GrantReference, of domain: DomainID
    ) throws(PlatformError) -> MappedPages { try inner.map(reference, of: domain) }

    mutating func unmap(_ pages: consuming MappedPages) throws(PlatformError) {
        try inner.unmap(pages)
    }

    mutating func copy(
        _ batch: inout GrantCopyBatch, _ direction: GrantCopyDirection,
        arena: borrowing PageArena
    ) throws(PlatformError) {
        if clock.tick() { try inner.copy(&batch, direction, arena: arena) }
        // A death right after it.
        _ = clock.tick()
    }

    mutating func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws(PlatformError) -> EventChannelPort { try inner.bindInterdomain(remote, of: domain) }

    mutating func adopt(_ port: EventChannelPort) throws(PlatformError) { try inner.adopt(port) }

    mutating func disown(_ port: EventChannelPort) throws(PlatformError) { try inner.disown(port) }

    mutating func unbind(_ port: EventChannelPort) throws(PlatformError) { try inner.unbind(port) }

    mutating func notify(_ port: EventChannelPort) throws(PlatformError) {
        if clock.tick() { try inner.notify(port) }
        _ = clock.tick()
    }

    mutating func nextPending() throws(PlatformError) -> EventChannelPort? {
        clock.tick() ? try inner.nextPending() : nil
    }

    mutating func unmask(_ port: EventChannelPort) throws(PlatformError) {
        if clock.tick() { try inner.unmask(port) }
    }
}

/// Memory that a worker writes, as it was at one moment.
///
/// `Worker` knows only real memory, which does not stop at a death. What it stores after that is
/// undone from such a picture before anybody else comes to look.
@safe
struct MemoryPicture {
    private var words: [(MappedWords, [UInt32])] = []
    private var arena: [UInt8]
    private let pages: UnsafeMutableRawPointer

    init(_ memory: [MappedWords], arena: borrowing PageArena) {
        for part in memory {
            words.append((part, (0..<part.wordCount).map { part.loadRelaxed(at: $0) }))
        }
        unsafe pages = arena.base
        self.arena = unsafe [UInt8](
            UnsafeRawBufferPointer(start: arena.base, count: arena.size))
    }

    func restore() {
        for (part, values) in words {
            for (word, value) in values.enumerated() where part.loadRelaxed(at: word) != value {
                part.storeRelease(value, at: word)
            }
        }
        // SAFETY: the arena lives as long as the world.
        unsafe arena.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe memcpy(pages, base, source.count)
        }
    }
}

/// One worker of one process: the real `Worker`, over memory that the next process takes up.
final class BackendWorker {
    let clock = CrashClock()
    let number: Int
    private(set) var worker: Worker<MortalHandles, MortalPort>
    private let lease: Lease<MappedWords>
    private(set) var epoch = LeaseEpoch.none
    private var picture: MemoryPicture?
    /// Halves that ended, by the number of their queue, and why.
    private(set) var faults: [(slot: Int, fault: String)] = []

    init(_ world: RandomWorld, number: Int) throws {
        self.number = number
        let journal = try Journal(attachingTo: world.memory.journal)
        lease = journal.worker(number).lease
        worker = Worker(
            hypervisor: try MortalHandles(world.machine, clock: clock), number: number,
            journal: journal, arena: world.arenas[number].arena)
        clock.onDeath = { [unowned self, unowned world] in
            picture = MemoryPicture(
                [world.memory.journal] + world.guests.flatMap(\.rings),
                arena: world.arenas[number].arena)
        }
    }

    /// Takes the lease from whoever has it.
    func acquire() -> Bool {
        guard let next = lease.acquire(succeeding: lease.holder) else { return false }
        epoch = next
        return true
    }

    var holdsLease: Bool { lease.isHeld(by: epoch) }

    func open(_ guest: RandomGuest) throws {
        if guest.slot % 2 == number {
            try worker.openTransmit(guest.opening, port: MortalPort(guest.line, clock: clock))
        } else {
            guest.portNumber = try worker.openReceive(
                guest.opening, port: MortalPort(guest.line, clock: clock))
        }
    }

    /// Holds what a predecessor serves; false when the guest cannot be reached any more.
    func follow(_ guest: RandomGuest) -> Bool {
        do throws(QueueFault) {
            if guest.slot % 2 == number {
                try worker.followTransmit(
                    guest.opening, port: MortalPort(guest.line, clock: clock))
            } else {
                guest.portNumber = try worker.followReceive(
                    guest.opening, port: MortalPort(guest.line, clock: clock))
            }
            return true
        } catch {
            return false
        }
    }

    /// Serves on; nil when it died while it did.
    func takeOver() throws -> WorkerTakeover? {
        let found = try worker.takeOver()
        takeFaults()
        settle()
        return clock.isDead ? nil : found
    }

    /// One turn; true when something was done. It may die in it.
    func turn(_ guests: [RandomGuest]) throws -> Bool {
        let before = clock.count
        for guest in guests where guest.line.waitingCount > 0 && guest.slot % 2 != number {
            if let place = guest.portNumber { worker.portIsReadable(place) }
        }
        try worker.takeEvents()
        var hasMore = worker.transmitTurn()
        if worker.receiveTurn() { hasMore = true }
        takeFaults()
        settle()
        // Looking for events is no work.
        return hasMore || clock.count > before + 1
    }

    func lookAtEverything() { worker.lookAtEverything() }

    func close(_ guest: RandomGuest) {
        _ = worker.close(QueueHalf(guest.opening.id, .transmit))
        _ = worker.close(QueueHalf(guest.opening.id, .receive))
    }

    /// The process is no more: what it held is undone from outside.
    func abandon() { worker.abandonAll() }

    /// Ends it, if it has not ended in the middle of something.
    func die() {
        clock.onDeath = nil
        clock.kill()
    }

    private func takeFaults() {
        while let event = worker.takeFault() {
            guard case .disabled(let half, let fault) = event, !clock.isDead else { continue }
            // Guests have their slots' numbers, from domain 2 on.
            faults.append((Int(half.id.vif.domain.rawValue) - 2, fault))
        }
    }

    /// Undoes what was stored after a death.
    private func settle() {
        picture?.restore()
        picture = nil
    }
}
