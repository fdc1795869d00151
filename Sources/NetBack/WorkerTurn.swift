// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform

extension Worker where H: ~Copyable, Port: ~Copyable {
    /// Most event-channel notifications taken in one turn.
    @inlinable static var eventsPerTurn: Int { 256 }

    /// The port of an Rx half has a frame (or may have one).
    @inlinable
    public mutating func portIsReadable(_ number: Int) {
        if receives.isOccupied(number) { receives[number].queue.isPortReadable = true }
    }

    /// A guest that never announces its buffers (no `feature-rx-notify`) is looked at in turn.
    @inlinable
    public mutating func unblockReceive() {
        for number in 0..<receives.capacity where receives.isOccupied(number) {
            receives[number].queue.isBlocked = false
        }
    }

    /// Whatever events said or did not say, every ring and port may have work.
    @inlinable
    public mutating func lookAtEverything() {
        for number in 0..<transmits.capacity where transmits.isOccupied(number) {
            transmits[number].queue.isPending = true
        }
        for number in 0..<receives.capacity where receives.isOccupied(number) {
            receives[number].queue.isBlocked = false
            receives[number].queue.isPortReadable = true
        }
    }

    /// True while a frame waits for a guest that never announces its buffers: call
    /// `unblockReceive()` after a while.
    @inlinable
    public var needsPolling: Bool {
        for number in 0..<receives.capacity
        where receives.isOccupied(number) && receives[number].queue.isBlocked
            && !receives[number].queue.features.contains(.receiveNotify)
        {
            return true
        }
        return false
    }

    /// Takes the notifications that guests sent.
    ///
    /// A port whose event was taken stays masked until a half of it has nothing left to do but to
    /// wait for the next one: a busy guest costs no events. None is lost, for what comes meanwhile
    /// makes the port pending when it is unmasked.
    ///
    /// - Throws: when the event-channel device failed.
    @inlinable
    public mutating func takeEvents() throws(PlatformError) {
        for _ in 0..<Self.eventsPerTurn {
            guard let channel = try hypervisor.nextPending() else { return }
            let index = Int(channel.rawValue)
            guard index < channels.count, channels[index].isUsed else {
                try hypervisor.unmask(channel)
                continue
            }
            channels[index].isMasked = true
            // Both rings are looked at: one channel may serve both, and a look is cheap.
            let (transmit, receive) = (Int(channels[index].transmit), Int(channels[index].receive))
            if receive >= 0 {
                receives[receive].queue.isBlocked = false
                if transmit < 0 { receives[receive].queue.statistics.events += 1 }
            }
            if transmit >= 0 {
                transmits[transmit].queue.isPending = true
                transmits[transmit].queue.statistics.events += 1
            }
        }
    }

    /// Gives every ready Tx half one bounded step; true when one has more to do.
    ///
    /// The bound is what makes it fair: a guest that floods gets one step a turn like any other.
    @inlinable
    public mutating func transmitTurn() -> Bool {
        var hasMore = false
        for number in 0..<transmits.capacity
        where transmits.isOccupied(number) && transmits[number].queue.isServable {
            serveTransmit(number)
            if transmits[number].queue.isReady { hasMore = true }
        }
        return hasMore
    }

    /// Gives every ready Rx half one bounded step; true when one has more to do.
    @inlinable
    public mutating func receiveTurn() -> Bool {
        var hasMore = false
        for number in 0..<receives.capacity
        where receives.isOccupied(number) && receives[number].queue.isServable {
            serveReceive(number)
            if receives[number].queue.isReady { hasMore = true }
        }
        return hasMore
    }

    @inlinable
    mutating func serveTransmit(_ number: Int) {
        do throws(QueueFault) {
            transmits[number].queue.isPending = try transmits[number].queue.serve(
                hypervisor: &hypervisor, scratch: &scratch)
            if transmits[number].queue.wantsEvent {
                try unmask(transmits[number].queue.channel)
            }
        } catch {
            transmits[number].queue.disable(for: error)
            hasFault = true
        }
    }

    @inlinable
    mutating func serveReceive(_ number: Int) {
        let before = receives[number].queue.statistics.receiveSlots
        defer { filledCount += receives[number].queue.statistics.receiveSlots - before }
        do throws(QueueFault) {
            _ = try receives[number].queue.serve(hypervisor: &hypervisor, scratch: &scratch)
            if receives[number].queue.wantsEvent {
                try unmask(receives[number].queue.channel)
            }
        } catch {
            receives[number].queue.disable(for: error)
            hasFault = true
        }
    }

    /// Lets a channel's next event come, after the last look at the ring (docs/decisions/0006).
    @inlinable
    mutating func unmask(_ channel: EventChannelPort) throws(QueueFault) {
        let index = Int(channel.rawValue)
        guard channels[index].isMasked else { return }
        channels[index].isMasked = false
        do throws(PlatformError) {
            try hypervisor.unmask(channel)
        } catch {
            throw .platform(error)
        }
    }
}
