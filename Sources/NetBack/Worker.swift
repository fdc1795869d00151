// SPDX-License-Identifier: Apache-2.0
public import Platform
import Ring
public import SharedMemory

/// A thread's share of the packet path: the halves of queues that it alone owns, and handles of
/// its own.
///
/// It never blocks; its owner waits for readiness and then calls its turns.
public struct Worker<H: Hypervisor & ~Copyable, Port: PacketPort & ~Copyable>: ~Copyable {
    /// The worker's own handles for grants and event channels.
    public var hypervisor: H
    /// Its number in the journal.
    public let number: Int
    /// What a successor must know.
    public let journal: Journal<MappedWords>
    @usableFromInline var scratch: WorkerScratch<MappedWords>
    @usableFromInline var transmits = Slab<ServedHalf<TransmitQueue<MappedWords, Port>>>()
    @usableFromInline var receives = Slab<ServedHalf<ReceiveQueue<MappedWords, Port>>>()
    @usableFromInline var channels = FixedBuffer(capacity: 0, filler: ServedChannel.unused)

    /// Counts what `slotsFilled` says.
    @usableFromInline var filledCount: UInt64 = 0

    /// Some half may have a fault of which the control plane does not know.
    @usableFromInline var hasFault = false

    /// Takes the handles over. The arena has `WorkerScratch.arenaPageCount` pages; if a successor
    /// is to find the frames of an unfinished step, it is memory that the successor maps too.
    public init(
        hypervisor: consuming H, number: Int, journal: Journal<MappedWords>,
        arena: consuming PageArena
    ) {
        self.hypervisor = hypervisor
        self.number = number
        self.journal = journal
        scratch = WorkerScratch(arena: arena, step: journal.worker(number))
    }

    /// Halves of queues that are open.
    public var halfCount: Int { transmits.count + receives.count }

    /// Packets that its halves have carried, those of earlier owners too.
    public var packetCount: UInt64 {
        var count: UInt64 = 0
        for number in 0..<transmits.capacity where transmits.isOccupied(number) {
            count += transmits[number].queue.statistics.transmitPackets
        }
        for number in 0..<receives.capacity where receives.isOccupied(number) {
            count += receives[number].queue.statistics.receivePackets
        }
        return count
    }

    /// Slots of guests' buffers that its halves have answered since it began to serve.
    public var slotsFilled: UInt64 { filledCount }

    // MARK: control plane

    /// Maps the Tx ring, binds its channel and starts to serve; on failure undoes what it did.
    ///
    /// Resuming, the journal's page of the queue is what a predecessor left that no shadow
    /// followed, and the half goes on from there.
    /// - Throws: `QueueFault`, in which case the port has been closed.
    public mutating func openTransmit(
        _ opening: QueueOpening, port: consuming Port, resuming: Bool = false
    ) throws(QueueFault) {
        if resuming { discard(journal.queue(opening.slot).half(.transmit).channel) }
        let configuration = opening.configuration
        let pages = try map(configuration.transmitRing, of: opening.id.vif.domain)
        var bound: EventChannelPort?
        do throws(QueueFault) {
            let other = receives.number(of: opening.id).map { receives[$0].queue.channel }
            let channel = try bind(
                configuration.transmitPort, of: opening.id.vif.domain,
                sharing: configuration.isSplit ? nil : other)
            bound = channel
            var queue = makeTransmit(opening, over: pages, channel: channel, port: port)
            if resuming { _ = try queue.resume(nil) } else { try queue.attach() }
            journal.queue(opening.slot).half(.transmit).note(channel: channel, worker: number)
            let wasServedBefore = queue.wasServedBefore
            let place = transmits.insert(ServedHalf(queue, over: pages))
            channels[Int(channel.rawValue)].transmit = Int32(place)
            // The last backend may have published without notifying.
            if wasServedBefore { try? hypervisor.notify(channel) }
        } catch {
            if let bound { unbindUnlessUsed(bound) }
            release(pages)
            throw error
        }
    }

    /// The same for the Rx ring.
    ///
    /// - Returns: the number that stands for the half's port in `portIsReadable`.
    /// - Throws: `QueueFault`, in which case the port has been closed.
    public mutating func openReceive(
        _ opening: QueueOpening, port: consuming Port, resuming: Bool = false
    ) throws(QueueFault) -> Int {
        if resuming { discard(journal.queue(opening.slot).half(.receive).channel) }
        let configuration = opening.configuration
        let pages = try map(configuration.receiveRing, of: opening.id.vif.domain)
        var bound: EventChannelPort?
        do throws(QueueFault) {
            let other = transmits.number(of: opening.id).map { transmits[$0].queue.channel }
            let channel = try bind(
                configuration.receivePort, of: opening.id.vif.domain,
                sharing: configuration.isSplit ? nil : other)
            bound = channel
            var queue = makeReceive(opening, over: pages, channel: channel, port: port)
            if resuming {
                _ = try queue.resume(nil, scratch: &scratch)
            } else {
                try queue.attach()
            }
            journal.queue(opening.slot).half(.receive).note(channel: channel, worker: number)
            let wasServedBefore = queue.wasServedBefore
            let place = receives.insert(ServedHalf(queue, over: pages))
            channels[Int(channel.rawValue)].receive = Int32(place)
            if wasServedBefore { try? hypervisor.notify(channel) }
            return place
        } catch {
            if let bound { unbindUnlessUsed(bound) }
            release(pages)
            throw error
        }
    }

    /// Closes a channel that a predecessor of this worker bound and nobody holds any more. On Xen
    /// it is open for as long as the descriptor is, which the pair's parent keeps.
    public mutating func discard(_ channel: EventChannelPort) {
        guard channel.rawValue > 0 else { return }
        let index = Int(channel.rawValue)
        guard index >= channels.count || !channels[index].isUsed else { return }
        // Where it died with its owner, there is nothing to be closed.
        try? hypervisor.unbind(channel)
    }

    /// A Tx half over a mapped ring, not yet attached.
    func makeTransmit(
        _ opening: QueueOpening, over pages: borrowing MappedPages, channel: EventChannelPort,
        port: consuming Port
    ) -> TransmitQueue<MappedWords, Port> {
        // SAFETY: the words are used by the half alone, which does nothing more once `close` or
        // `forget` has taken it out of the slab, and only then are the pages given back.
        TransmitQueue(
            opening,
            words: unsafe MappedWords(at: pages.base, wordCount: RingLayout.pageWordCount),
            channel: channel, journal: journal.queue(opening.slot), port: port)
    }

    /// An Rx half over a mapped ring, not yet attached.
    func makeReceive(
        _ opening: QueueOpening, over pages: borrowing MappedPages, channel: EventChannelPort,
        port: consuming Port
    ) -> ReceiveQueue<MappedWords, Port> {
        // SAFETY: as in `makeTransmit`.
        ReceiveQueue(
            opening,
            words: unsafe MappedWords(at: pages.base, wordCount: RingLayout.pageWordCount),
            channel: channel, journal: journal.queue(opening.slot), port: port)
    }

    /// Serves what the guest has already sent, then gives everything of the half's back.
    ///
    /// - Returns: what the half did, nil if it is not open here.
    public mutating func close(_ half: QueueHalf) -> QueueStatistics? {
        switch half.direction {
        case .transmit:
            guard let number = transmits.number(of: half.id) else { return nil }
            drain(number)
            let served = transmits.remove(number)
            let (channel, statistics) = (served.queue.channel, served.queue.statistics)
            channels[Int(channel.rawValue)].transmit = -1
            unbindUnlessUsed(channel)
            served.destroy { pages in release(pages) }
            return statistics
        case .receive:
            guard let number = receives.number(of: half.id) else { return nil }
            let served = receives.remove(number)
            let (channel, statistics) = (served.queue.channel, served.queue.statistics)
            channels[Int(channel.rawValue)].receive = -1
            unbindUnlessUsed(channel)
            served.destroy { pages in release(pages) }
            return statistics
        }
    }

    /// Closes every half, without a word to anybody.
    public mutating func closeAll() {
        for number in 0..<transmits.capacity where transmits.isOccupied(number) {
            _ = close(QueueHalf(transmits[number].queue.id, .transmit))
        }
        for number in 0..<receives.capacity where receives.isOccupied(number) {
            _ = close(QueueHalf(receives[number].queue.id, .receive))
        }
    }

    /// Ends a half's ring work, because the queue's other half has a fault.
    public mutating func disable(_ half: QueueHalf) {
        switch half.direction {
        case .transmit:
            if let number = transmits.number(of: half.id) {
                transmits[number].queue.disable(for: nil)
            }
        case .receive:
            if let number = receives.number(of: half.id) {
                receives[number].queue.disable(for: nil)
            }
        }
    }

    /// Calls `body` with every open half's name and counters.
    public func forEachHalf(_ body: (QueueHalf, QueueStatistics) -> Void) {
        transmits.forEach { body(QueueHalf($0, .transmit), $1) }
        receives.forEach { body(QueueHalf($0, .receive), $1) }
    }

    /// The next fault that the control plane has not been told of.
    public mutating func takeFault() -> HalfEvent? {
        guard hasFault else { return nil }
        if let (id, fault) = transmits.takeFault() {
            return .disabled(QueueHalf(id, .transmit), fault: "\(fault)")
        }
        if let (id, fault) = receives.takeFault() {
            return .disabled(QueueHalf(id, .receive), fault: "\(fault)")
        }
        hasFault = false
        return nil
    }

    /// What is already in the ring goes out before the half closes; a whole ring is four steps.
    private mutating func drain(_ number: Int) {
        for _ in 0..<4 where !transmits[number].queue.isDisabled {
            let more = try? transmits[number].queue.serve(
                hypervisor: &hypervisor, scratch: &scratch)
            guard more ?? false else { return }
        }
    }

    mutating func map(
        _ ring: GrantReference, of guest: DomainID
    ) throws(QueueFault) -> MappedPages {
        do throws(PlatformError) {
            return try hypervisor.map(ring, of: guest)
        } catch {
            throw .platform(error)
        }
    }

    mutating func release(_ pages: consuming MappedPages) {
        // A failure leaves nothing to be done: the kernel undoes the mapping with the process.
        try? hypervisor.unmap(pages)
    }

    /// Binds a guest's port, unless the queue's other half, which `sharing` is of, has it already.
    private mutating func bind(
        _ remote: EventChannelPort, of guest: DomainID, sharing other: EventChannelPort?
    ) throws(QueueFault) -> EventChannelPort {
        if let other { return other }
        do throws(PlatformError) {
            let channel = try hypervisor.bindInterdomain(remote, of: guest)
            channels.grow(for: channel)
            return channel
        } catch {
            throw .platform(error)
        }
    }

    private mutating func unbindUnlessUsed(_ channel: EventChannelPort) {
        guard !channels[Int(channel.rawValue)].isUsed else { return }
        channels[Int(channel.rawValue)] = .unused
        try? hypervisor.unbind(channel)
    }
}
