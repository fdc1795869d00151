// SPDX-License-Identifier: Apache-2.0
// A shadow's worker: it holds what its sibling serves, and serves it when the sibling is gone.
public import Platform
import Ring
public import SharedMemory

/// What a worker found when it took over.
public struct WorkerTakeover: Equatable, Sendable {
    /// Halves that it serves now.
    public var halfCount = 0
    /// The half in whose step the last owner died, nil if it died between steps.
    public var unfinished: JournalHalf?
    /// Frames of that step that had reached the host and are not sent again.
    public var framesSentBefore: UInt32 = 0
    /// Frames of that step that had been read for the guest and are still given to it.
    public var framesRecovered = 0
    /// Halves whose journal could not be believed, and why.
    public var faults: [(half: JournalHalf, fault: JournalFault)] = []
    /// Packets that were carried at once, because their step was unfinished.
    public var packetsCarried: UInt64 = 0
    /// The half that is served no more, since it has ended too many backends.
    public var isolated: (half: JournalHalf, deaths: Int)?

    /// Nothing was found.
    public init() {}

    /// Compares what can be told apart in a log.
    public static func == (left: WorkerTakeover, right: WorkerTakeover) -> Bool {
        "\(left)" == "\(right)"
    }
}

extension Worker where H: ~Copyable, Port: ~Copyable {
    /// Backends that may die at the same request before its half is served no more.
    public static var deathsMax: Int { 2 }
    /// The first number that no event channel has. Corresponds to `EVTCHN_FIFO_NR_CHANNELS`.
    static var channelsEnd: UInt32 { 1 << 17 }

    /// Holds a Tx half that a sibling serves: maps its ring and takes up its channel.
    ///
    /// - Throws: `QueueFault`, in which case the port has been closed and nothing is held.
    public mutating func followTransmit(
        _ opening: QueueOpening, port: consuming Port
    ) throws(QueueFault) {
        let channel = journal.queue(opening.slot).half(.transmit).channel
        let pages = try map(
            opening.configuration.transmitRing, of: opening.id.vif.domain, adopting: channel)
        let queue = makeTransmit(opening, over: pages, channel: channel, port: port)
        let place = transmits.insert(ServedHalf(queue, over: pages))
        channels[Int(channel.rawValue)].transmit = Int32(place)
    }

    /// The same for an Rx half.
    ///
    /// - Returns: the number that stands for the half's port in `portIsReadable`.
    /// - Throws: `QueueFault`, in which case the port has been closed and nothing is held.
    public mutating func followReceive(
        _ opening: QueueOpening, port: consuming Port
    ) throws(QueueFault) -> Int {
        let channel = journal.queue(opening.slot).half(.receive).channel
        let pages = try map(
            opening.configuration.receiveRing, of: opening.id.vif.domain, adopting: channel)
        let queue = makeReceive(opening, over: pages, channel: channel, port: port)
        let place = receives.insert(ServedHalf(queue, over: pages))
        channels[Int(channel.rawValue)].receive = Int32(place)
        return place
    }

    /// The ring page of a half that is held.
    public func ring(of half: QueueHalf) -> MappedWords? {
        switch half.direction {
        case .transmit: transmits.number(of: half.id).map { transmits[$0].queue.words }
        case .receive: receives.number(of: half.id).map { receives[$0].queue.words }
        }
    }

    /// Lets go of a half that a sibling serves, and goes on serving.
    public mutating func forget(_ half: QueueHalf) {
        switch half.direction {
        case .transmit:
            guard let place = transmits.number(of: half.id) else { return }
            let served = transmits.remove(place)
            let channel = served.queue.channel
            channels[Int(channel.rawValue)].transmit = -1
            disownUnlessUsed(channel)
            served.destroy { pages in release(pages) }
        case .receive:
            guard let place = receives.number(of: half.id) else { return }
            let served = receives.remove(place)
            let channel = served.queue.channel
            channels[Int(channel.rawValue)].receive = -1
            disownUnlessUsed(channel)
            served.destroy { pages in release(pages) }
        }
    }

    /// Drops every half without undoing anything of it. For a simulation, where a worker whose
    /// process is gone must go by itself.
    package mutating func abandonAll() {
        for place in 0..<transmits.capacity where transmits.isOccupied(place) {
            let served = transmits.remove(place)
            served.destroy { pages in pages.relinquish() }
        }
        for place in 0..<receives.capacity where receives.isOccupied(place) {
            let served = receives.remove(place)
            served.destroy { pages in pages.relinquish() }
        }
    }

    /// Names the connection that a half belongs to from now on.
    public mutating func rename(_ half: QueueHalf, generation: UInt32) {
        switch half.direction {
        case .transmit:
            if let place = transmits.number(of: half.id) {
                transmits[place].queue.id.generation = generation
            }
        case .receive:
            if let place = receives.number(of: half.id) {
                receives[place].queue.id.generation = generation
            }
        }
    }

    /// Serves on where the last owner of the worker's lock left off. Caller: the new owner, when
    /// the last one cannot touch a ring any more.
    ///
    /// The half in whose step the last owner died comes first: its packets have waited the
    /// longest, and the frames of that step must be out of the pool before another step begins.
    /// - Throws: `PlatformError` when the event-channel device failed.
    public mutating func takeOver() throws(PlatformError) -> WorkerTakeover {
        var found = WorkerTakeover()
        let step = scratch.step.unfinishedStep
        found.unfinished = step?.half
        if let step {
            let deaths = scratch.step.noteDeath(in: step)
            if deaths >= Self.deathsMax { found.isolated = (step.half, deaths) }
            for place in 0..<transmits.capacity
            where transmits.isOccupied(place) && transmits[place].queue.journalHalf == step.half {
                resumeTransmit(place, step, &found)
                let before = packetCount
                if transmits[place].queue.isReady { serveTransmit(place) }
                // What the last owner had sent is only answered here.
                let answered = packetCount - before
                found.packetsCarried += answered - min(answered, UInt64(found.framesSentBefore))
            }
            for place in 0..<receives.capacity
            where receives.isOccupied(place) && receives[place].queue.journalHalf == step.half {
                resumeReceive(place, step, &found)
                receives[place].queue.endIfAnswered(scratch: &scratch)
                let before = packetCount
                if receives[place].queue.isReady { serveReceive(place) }
                found.packetsCarried += packetCount - before
            }
            scratch.recovered = nil
            scratch.step.forgetDeaths()
            scratch.step.end()
        }
        for place in 0..<transmits.capacity
        where transmits.isOccupied(place) && transmits[place].queue.journalHalf != step?.half {
            resumeTransmit(place, nil, &found)
        }
        for place in 0..<receives.capacity
        where receives.isOccupied(place) && receives[place].queue.journalHalf != step?.half {
            resumeReceive(place, nil, &found)
        }
        return found
    }

    /// Takes up a half that was followed too late for `takeOver`.
    public mutating func resume(_ half: QueueHalf) -> WorkerTakeover {
        var found = WorkerTakeover()
        switch half.direction {
        case .transmit:
            if let place = transmits.number(of: half.id) { resumeTransmit(place, nil, &found) }
        case .receive:
            if let place = receives.number(of: half.id) { resumeReceive(place, nil, &found) }
        }
        return found
    }

    private mutating func resumeTransmit(
        _ place: Int, _ step: WorkerJournal<MappedWords>.Step?, _ found: inout WorkerTakeover
    ) {
        let half = transmits[place].queue.journalHalf
        found.halfCount += 1
        do throws(QueueFault) {
            if let fault = try transmits[place].queue.resume(step) {
                found.faults.append((half, fault))
            }
            if step != nil { found.framesSentBefore = transmits[place].queue.sentBefore }
            if let isolated = found.isolated, isolated.half == half {
                throw .deadly(deaths: isolated.deaths)
            }
        } catch {
            transmits[place].queue.disable(for: error)
            hasFault = true
        }
        wake(transmits[place].queue.channel, notifying: step != nil || !found.faults.isEmpty)
    }

    private mutating func resumeReceive(
        _ place: Int, _ step: WorkerJournal<MappedWords>.Step?, _ found: inout WorkerTakeover
    ) {
        let half = receives[place].queue.journalHalf
        found.halfCount += 1
        do throws(QueueFault) {
            if let fault = try receives[place].queue.resume(step, scratch: &scratch) {
                found.faults.append((half, fault))
            }
            if step != nil { found.framesRecovered = scratch.recovered?.frameCount ?? 0 }
            if let isolated = found.isolated, isolated.half == half {
                throw .deadly(deaths: isolated.deaths)
            }
        } catch {
            receives[place].queue.disable(for: error)
            hasFault = true
        }
        wake(receives[place].queue.channel, notifying: step != nil || !found.faults.isEmpty)
    }

    /// Lets the guest's next event come, in case the last owner had taken one, and notifies the
    /// guest, in case the last owner died in a step and before it did.
    private mutating func wake(_ channel: EventChannelPort, notifying: Bool) {
        channels[Int(channel.rawValue)].isMasked = false
        try? hypervisor.unmask(channel)
        if notifying { try? hypervisor.notify(channel) }
    }

    /// What a sibling has open already: its ring, and its end of the channel.
    private mutating func map(
        _ ring: GrantReference, of domain: DomainID, adopting channel: EventChannelPort
    ) throws(QueueFault) -> MappedPages {
        let pages = try map(ring, of: domain)
        do throws(QueueFault) {
            try adopt(channel)
        } catch {
            release(pages)
            throw error
        }
        return pages
    }

    private mutating func adopt(_ channel: EventChannelPort) throws(QueueFault) {
        // It comes from the journal: a number that cannot be would make a table without end.
        guard channel.rawValue < Self.channelsEnd else {
            throw .platform(PlatformError("adopt", errno: 22))
        }
        channels.grow(for: channel)
        guard !channels[Int(channel.rawValue)].isUsed else { return }
        do throws(PlatformError) {
            try hypervisor.adopt(channel)
        } catch {
            throw .platform(error)
        }
    }

    private mutating func disownUnlessUsed(_ channel: EventChannelPort) {
        guard !channels[Int(channel.rawValue)].isUsed else { return }
        channels[Int(channel.rawValue)] = .unused
        try? hypervisor.disown(channel)
    }
}
