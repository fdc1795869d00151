// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform

extension Worker where H: ~Copyable, Port: ~Copyable {
    /// Most event-channel notifications taken in one turn.
    @inlinable static var eventsPerTurn: Int { 256 }

    /// The port of a queue has a frame (or may have one).
    @inlinable
    public mutating func portIsReadable(_ number: Int) {
        if queues.isOccupied(number) { queues[number].queue.isPortReadable = true }
    }

    /// A guest that never announces its buffers (no `feature-rx-notify`) is looked at in turn.
    @inlinable
    public mutating func unblockReceive() {
        for number in 0..<queues.capacity where queues.isOccupied(number) {
            queues[number].queue.isReceiveBlocked = false
        }
    }

    /// True while a frame waits for a guest that never announces its buffers: call
    /// `unblockReceive()` after a while.
    @inlinable
    public var needsPolling: Bool {
        for number in 0..<queues.capacity
        where queues.isOccupied(number) && queues[number].queue.isReceiveBlocked
            && !queues[number].queue.features.contains(.receiveNotify)
        {
            return true
        }
        return false
    }

    /// Takes the notifications that guests sent.
    ///
    /// - Throws: when the event-channel device failed.
    @inlinable
    public mutating func takeEvents() throws(PlatformError) {
        for _ in 0..<Self.eventsPerTurn {
            guard let channel = try hypervisor.nextPending() else { return }
            let index = Int(channel.rawValue)
            if index < queueOfChannel.count, queueOfChannel[index] >= 0 {
                let number = Int(queueOfChannel[index])
                // Both rings are looked at: one channel may serve both, and a look is cheap.
                queues[number].queue.isTransmitPending = true
                queues[number].queue.isReceiveBlocked = false
                queues[number].queue.statistics.events += 1
            }
            try hypervisor.unmask(channel)
        }
    }

    /// Gives every ready queue one bounded step in each direction; true when one has more to do.
    ///
    /// The bound is what makes it fair: a guest that floods gets one step a turn like any other.
    @inlinable
    public mutating func turn() -> Bool {
        var hasMore = false
        for number in 0..<queues.capacity
        where queues.isOccupied(number) && queues[number].queue.isReady {
            do throws(QueueFault) {
                if queues[number].queue.isTransmitPending {
                    queues[number].queue.isTransmitPending = try queues[number].queue
                        .serveTransmit(hypervisor: &hypervisor, scratch: &scratch)
                }
                if queues[number].queue.isPortReadable && !queues[number].queue.isReceiveBlocked {
                    _ = try queues[number].queue.serveReceive(
                        hypervisor: &hypervisor, scratch: &scratch)
                }
            } catch {
                queues[number].queue.isDisabled = true
                queues[number].queue.fault = error
                untoldFaultCount += 1
            }
            if queues[number].queue.isReady { hasMore = true }
        }
        return hasMore
    }
}
