// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform
import Ring
public import SharedMemory

/// What a worker needs to open one queue, beside the port.
public struct QueueOpening: Equatable, Sendable {
    /// Which queue.
    public var id: QueueID
    /// The guest's rings and ports.
    public var configuration: QueueConfiguration
    /// What the guest can take.
    public var features: FrontendFeatures
    /// The largest unsegmented frame in bytes, Ethernet header and VLAN tags included.
    public var frameSizeMax: Int

    /// Takes the parts as they are.
    public init(
        id: QueueID, configuration: QueueConfiguration, features: FrontendFeatures,
        frameSizeMax: Int
    ) {
        self.id = id
        self.configuration = configuration
        self.features = features
        self.frameSizeMax = frameSizeMax
    }
}

/// A thread's share of the packet path: the queues that it alone owns, and handles of its own.
///
/// It never blocks; its owner waits for readiness and then calls `turn()`.
public struct Worker<H: Hypervisor & ~Copyable, Port: PacketPort & ~Copyable>: ~Copyable {
    /// The worker's own handles for grants and event channels.
    public var hypervisor: H
    @usableFromInline var scratch = WorkerScratch()
    @usableFromInline var queues = Slab<Serving>()
    /// The queue number for each local event-channel port, -1 for none.
    @usableFromInline var queueOfChannel: [Int32] = []
    /// Queues whose fault has not been told to the control plane.
    public var untoldFaultCount = 0

    /// A queue with the mappings under its rings.
    @usableFromInline struct Serving: ~Copyable {
        @usableFromInline var queue: VifQueue<MappedWords, Port>
        var transmitPages: MappedPages
        var receivePages: MappedPages
        @usableFromInline var isFaultTold = false
    }

    /// Takes the handles over.
    public init(hypervisor: consuming H) {
        self.hypervisor = hypervisor
    }

    /// Queues open.
    public var queueCount: Int { queues.count }

    // MARK: control plane

    /// Maps the rings, binds the ports and starts to serve; on failure undoes what it did.
    ///
    /// - Returns: the number that stands for the queue's port in `portIsReadable`.
    /// - Throws: `QueueFault`, in which case the port has been closed.
    public mutating func open(
        _ opening: QueueOpening, port: consuming Port
    ) throws(QueueFault) -> Int {
        let guest = opening.id.vif.domain
        let configuration = opening.configuration
        let transmitPages = try map(configuration.transmitRing, of: guest)
        let receivePages: MappedPages
        do throws(QueueFault) {
            receivePages = try map(configuration.receiveRing, of: guest)
        } catch {
            release(transmitPages)
            throw error
        }
        var bound: (transmit: EventChannelPort, receive: EventChannelPort)?
        do throws(QueueFault) {
            let channels = try bind(configuration, of: guest)
            bound = channels
            // SAFETY: the words are used by the queue alone, which does nothing more once `close`
            // has taken it out of the slab, and only then are the pages given back.
            let queue = try VifQueue(
                id: opening.id,
                transmitWords: unsafe MappedWords(
                    at: transmitPages.base, wordCount: RingLayout.pageWordCount),
                receiveWords: unsafe MappedWords(
                    at: receivePages.base, wordCount: RingLayout.pageWordCount),
                transmitChannel: channels.transmit, receiveChannel: channels.receive,
                features: opening.features, frameSizeMax: opening.frameSizeMax, port: port)
            let wasServedBefore = queue.wasServedBefore
            let number = queues.insert(
                Serving(
                    queue: queue, transmitPages: transmitPages, receivePages: receivePages))
            setQueue(number, of: channels.transmit)
            setQueue(number, of: channels.receive)
            if wasServedBefore {
                // The last backend may have published without notifying.
                try? hypervisor.notify(channels.transmit)
                if channels.receive != channels.transmit {
                    try? hypervisor.notify(channels.receive)
                }
            }
            return number
        } catch {
            if let bound { unbind(bound.transmit, bound.receive) }
            release(transmitPages)
            release(receivePages)
            throw error
        }
    }

    /// Serves what the guest has already sent, then gives everything of the guest's back.
    ///
    /// - Returns: what the queue did, nil if it is not open here.
    public mutating func close(_ id: QueueID) -> QueueStatistics? {
        guard let number = self.number(of: id) else { return nil }
        drain(number)
        var serving = queues.remove(number)
        let (transmit, receive) = (serving.queue.transmitChannel, serving.queue.receiveChannel)
        queueOfChannel[Int(transmit.rawValue)] = -1
        queueOfChannel[Int(receive.rawValue)] = -1
        unbind(transmit, receive)
        let statistics = serving.queue.statistics
        if serving.queue.fault != nil && !serving.isFaultTold { untoldFaultCount -= 1 }
        serving.isFaultTold = true
        serving.destroy { pages in release(pages) }
        return statistics
    }

    /// Closes every queue, without a word to anybody.
    public mutating func closeAll() {
        for number in 0..<queues.capacity where queues.isOccupied(number) {
            _ = close(queues[number].queue.id)
        }
    }

    /// Calls `body` with every open queue's name and counters.
    public func forEachQueue(_ body: (QueueID, QueueStatistics) -> Void) {
        for number in 0..<queues.capacity where queues.isOccupied(number) {
            body(queues[number].queue.id, queues[number].queue.statistics)
        }
    }

    /// The next fault that the control plane has not been told of.
    public mutating func takeFault() -> QueueEvent? {
        guard untoldFaultCount > 0 else { return nil }
        for number in 0..<queues.capacity where queues.isOccupied(number) {
            guard !queues[number].isFaultTold, let fault = queues[number].queue.fault else {
                continue
            }
            queues[number].isFaultTold = true
            untoldFaultCount -= 1
            return .disabled(queues[number].queue.id, fault: "\(fault)")
        }
        return nil
    }

    private func number(of id: QueueID) -> Int? {
        for number in 0..<queues.capacity
        where queues.isOccupied(number) && queues[number].queue.id == id { return number }
        return nil
    }

    /// What is already in the ring goes out before the queue closes; a whole ring is four steps.
    private mutating func drain(_ number: Int) {
        for _ in 0..<4 where queues[number].queue.fault == nil {
            let more = try? queues[number].queue.serveTransmit(
                hypervisor: &hypervisor, scratch: &scratch)
            guard more ?? false else { return }
        }
    }

    private mutating func map(
        _ ring: GrantReference, of guest: DomainID
    ) throws(QueueFault) -> MappedPages {
        do throws(PlatformError) {
            return try hypervisor.map(ring, of: guest)
        } catch {
            throw .platform(error)
        }
    }

    private mutating func release(_ pages: consuming MappedPages) {
        // A failure leaves nothing to be done: the kernel undoes the mapping with the process.
        try? hypervisor.unmap(pages)
    }

    private mutating func bind(
        _ configuration: QueueConfiguration, of guest: DomainID
    ) throws(QueueFault) -> (transmit: EventChannelPort, receive: EventChannelPort) {
        do throws(PlatformError) {
            let transmit = try hypervisor.bindInterdomain(configuration.transmitPort, of: guest)
            guard configuration.receivePort != configuration.transmitPort else {
                return (transmit, transmit)
            }
            do throws(PlatformError) {
                return (
                    transmit, try hypervisor.bindInterdomain(configuration.receivePort, of: guest)
                )
            } catch {
                try? hypervisor.unbind(transmit)
                throw error
            }
        } catch {
            throw .platform(error)
        }
    }

    private mutating func unbind(_ transmit: EventChannelPort, _ receive: EventChannelPort) {
        try? hypervisor.unbind(transmit)
        if receive != transmit { try? hypervisor.unbind(receive) }
    }

    private mutating func setQueue(_ number: Int, of channel: EventChannelPort) {
        while queueOfChannel.count <= Int(channel.rawValue) { queueOfChannel.append(-1) }
        queueOfChannel[Int(channel.rawValue)] = Int32(number)
    }
}

extension Worker.Serving where H: ~Copyable, Port: ~Copyable {
    /// Takes the value apart: the queue and its port go, the pages are given back.
    consuming func destroy(_ release: (consuming MappedPages) -> Void) {
        release(transmitPages)
        release(receivePages)
    }
}
