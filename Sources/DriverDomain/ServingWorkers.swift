// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Logging
import NetBack
import Netif
import Platform

/// The workers of a process that serves, what they serve, and the shadow that holds the same.
struct ServingWorkers: ~Copyable {
    private static var parentNumber: UInt64 { 3 }
    private static var shadowNumber: UInt64 { 4 }
    private static var requestsNumber: UInt64 { 5 }
    private static var requestNumber: UInt64 { 6 }
    /// What nobody claims within this time after a takeover belongs to no vif any more.
    private static var claimNanoseconds: UInt64 { 3_000_000_000 }
    /// A shadow that has not let go of a queue by then is in the way.
    private static var forgetNanoseconds: UInt64 { 1_000_000_000 }

    var pool: WorkerPool
    private let region: StateRegion
    private var table: QueueTable
    /// Slots that were taken over and have not been claimed by the control plane.
    private var unclaimed: Set<Int> = []
    private var claimDeadline: Instant?
    /// The process that started this one, if it is one of a pair.
    private var parent: MemberSocket?
    private var shadow: ShadowLink?
    /// What a successor of the parent is given, once the parent is gone.
    private let handles: PairHandles?
    /// Someone who wants to take the pair over, once the parent is gone.
    private var request: HandoverRequest?

    /// The other end of a shadow, as its primary sees it.
    struct ShadowLink: ~Copyable {
        let socket: MemberSocket
        /// Queues that close when the shadow has let go of them, and by when it must have.
        var forgetting: [Int: Instant] = [:]
    }

    /// What came of a claim.
    enum Claim {
        /// The connection's queues were held, and serve; some are disabled.
        case claimed(faults: [(QueueID, String)])
        /// Queues of an earlier connection are closing.
        case isInTheWay
        /// Nothing of the vif is held.
        case none
    }

    /// Workers that serve what is in `table`, if anything.
    init(
        pool: consuming WorkerPool, region: StateRegion, table: consuming QueueTable,
        parent: consuming MemberSocket?, handles: PairHandles? = nil
    ) {
        self.pool = pool
        self.region = region
        unclaimed = Set(table.entries.keys)
        let isLeftSomething = (0..<region.layout.queues).contains {
            region.journal.queue($0).isUsed
        }
        if isLeftSomething {
            claimDeadline = Instant.now.advanced(byNanoseconds: Self.claimNanoseconds)
        }
        self.table = table
        self.parent = parent
        self.handles = handles
    }

    /// Waits for what siblings say.
    mutating func watch(with poller: borrowing Poller) throws(PlatformError) {
        if let descriptor = parent?.descriptor {
            try poller.add(descriptor, number: Self.parentNumber)
        }
    }

    /// When there is something to do although nothing happened.
    mutating func nextDeadline() -> Instant? {
        [claimDeadline, shadow?.forgetting.values.min()].compactMap { $0 }.min()
    }

    consuming func stop() { pool.stop() }

    // MARK: queues

    /// Whether something of a vif is held.
    func holdsQueues(of vif: VifID) -> Bool {
        table.entries.values.contains { $0.opening.id.vif == vif }
    }

    /// Opens a queue over a TAP, whose descriptor becomes the workers'.
    ///
    /// - Returns: why it cannot be opened; nil when the workers have it.
    mutating func open(
        _ id: QueueID, _ configuration: QueueConfiguration, features: FrontendFeatures,
        frameSizeMax: Int, isAlone: Bool, over tap: Int32, interfaceName: String
    ) -> String? {
        if let left = leftover(id.vif, id.index, configuration, features) {
            return resume(id, in: left, over: tap, interfaceName: interfaceName)
        }
        guard let slot = table.freeSlot() else {
            Glibc.close(tap)
            return "all \(region.layout.queues) pages of the journal are taken"
        }
        let opening = QueueOpening(
            id: id, configuration: configuration, features: features,
            frameSizeMax: frameSizeMax, slot: slot, isAlone: isAlone)
        guard table.enter(opening, interfaceName: interfaceName, tap: tap, isOpen: false) else {
            let error = PlatformError("fcntl(F_DUPFD)", errno: errno)
            Glibc.close(tap)
            return "\(error)"
        }
        region.journal.queue(slot).describe(opening, interfaceName: interfaceName)
        pool.open(opening, tap: tap)
        return nil
    }

    /// The page of a queue that a predecessor served, that nobody holds, and whose rings are those
    /// of a connection.
    private func leftover(
        _ vif: VifID, _ index: UInt32, _ configuration: QueueConfiguration,
        _ features: FrontendFeatures
    ) -> Int? {
        (0..<region.layout.queues).first { slot in
            guard table.entries[slot] == nil,
                let left = region.journal.queue(slot).opening(slot: slot)
            else { return false }
            return left.id.vif == vif && left.id.index == index
                && left.configuration == configuration && left.features == features
        }
    }

    private mutating func resume(
        _ id: QueueID, in slot: Int, over tap: Int32, interfaceName: String
    ) -> String? {
        let page = region.journal.queue(slot)
        page.rename(generation: id.generation)
        let other = fcntl(tap, F_DUPFD_CLOEXEC, 0)
        guard let opening = page.opening(slot: slot), other >= 0,
            table.enter(opening, interfaceName: interfaceName, tap: tap, isOpen: false)
        else {
            let error = PlatformError("fcntl(F_DUPFD)", errno: errno)
            Glibc.close(tap)
            if other >= 0 { Glibc.close(other) }
            return "\(error)"
        }
        pool.resume(opening, taps: (tap, other))
        return nil
    }

    /// Closes a queue once no shadow holds it; false when no worker has it.
    mutating func close(_ id: QueueID) -> Bool {
        guard let slot = table.slot(of: id) else { return pool.close(id) }
        unclaimed.remove(slot)
        // A queue that is still opening was never shown to the shadow.
        let isShown = table.entries[slot]?.isOpen ?? false
        guard isShown, shadow != nil else { return pool.close(id) }
        table.update(slot) { $0.isOpen = false }
        let due = Instant.now.advanced(byNanoseconds: Self.forgetNanoseconds)
        shadow?.forgetting[slot] = due
        shadow?.socket.send(.forget(slot: UInt32(slot)))
        return true
    }

    /// A queue serves: the shadow is told.
    mutating func noteOpen(_ id: QueueID) {
        guard let slot = table.slot(of: id), let entry = table.entries[slot], !entry.isOpen
        else { return }
        table.update(slot) { $0.isOpen = true }
        show(slot, entry)
    }

    /// A queue does no more ring work.
    mutating func noteFault(_ id: QueueID, _ fault: String) {
        guard let slot = table.slot(of: id), unclaimed.contains(slot) else { return }
        table.update(slot) { $0.fault = fault }
    }

    /// A queue is closed.
    mutating func release(_ id: QueueID) {
        guard let slot = table.slot(of: id) else { return }
        region.journal.queue(slot).free()
        table.remove(slot)
        unclaimed.remove(slot)
    }

    /// Finds the queues of a connection among those that were taken over. Queues of the vif that
    /// are not those of this connection are closed.
    mutating func claim(_ connection: VifConnection, _ ids: [QueueID]) -> Claim {
        let held = table.entries.filter { $0.value.opening.id.vif == connection.vif }
        guard !held.isEmpty else { return .none }
        let wanted = connection.configuration
        let isSame =
            held.count == ids.count
            && held.allSatisfy { slot, entry in
                let index = Int(entry.opening.id.index)
                return unclaimed.contains(slot) && index < wanted.queues.count
                    && entry.opening.configuration == wanted.queues[index]
                    && entry.opening.features == wanted.features
            }
        guard isSame else {
            for (slot, entry) in held where unclaimed.contains(slot) {
                _ = close(entry.opening.id)
            }
            return .isInTheWay
        }
        var faults: [(QueueID, String)] = []
        for (slot, entry) in held {
            let id = ids[Int(entry.opening.id.index)]
            pool.rename(entry.opening.id, generation: id.generation)
            region.journal.queue(slot).rename(generation: id.generation)
            table.update(slot) { $0.opening.id = id }
            unclaimed.remove(slot)
            if let fault = entry.fault { faults.append((id, fault)) }
        }
        return .claimed(faults: faults)
    }

    /// Closes what was taken over and belongs to no vif; true when there was any.
    mutating func closeUnclaimed(isDue: Bool) -> Int {
        guard let due = claimDeadline, due <= .now else { return 0 }
        guard isDue else {
            claimDeadline = Instant.now.advanced(byNanoseconds: Self.claimNanoseconds)
            return 0
        }
        claimDeadline = nil
        for slot in 0..<region.layout.queues
        where table.entries[slot] == nil && region.journal.queue(slot).isUsed {
            pool.discard(slot)
            region.journal.queue(slot).free()
        }
        let orphans = unclaimed.compactMap { table.entries[$0]?.opening.id }
        for id in orphans { _ = close(id) }
        return orphans.count
    }

    // MARK: siblings

    /// What a sibling said that is to be logged.
    enum News {
        case shadowStands
        case shadowGone
        case shadowHangs
        case parentGone
        case handsOver
    }

    /// Takes what siblings said, and does it.
    mutating func hear(_ poller: borrowing Poller) -> [News] {
        hearParent(poller) + hearShadow(poller) + hearRequest(poller)
    }

    private mutating func hearParent(_ poller: borrowing Poller) -> [News] {
        var news: [News] = []
        while let arrival = parent?.receive() {
            switch arrival {
            case .message(.attend, let descriptors) where descriptors.count == 1:
                attend(descriptors[0], poller)
                news.append(.shadowStands)
            case .message(.handOver, _):
                pool.handOver()
                news.append(.handsOver)
            case .message(.kick(let slot), _): kick(Int(slot))
            case .message(_, let descriptors):
                for descriptor in descriptors { Glibc.close(descriptor) }
            case .nothing: return news
            case .end:
                if let descriptor = parent?.descriptor { poller.remove(descriptor) }
                parent = nil
                if let handles { try? poller.add(handles.requests, number: Self.requestsNumber) }
                news.append(.parentGone)
            }
        }
        return news
    }

    /// Lets the workers of a queue look at it.
    private func kick(_ slot: Int) {
        guard let opening = table.entries[slot]?.opening else { return }
        for direction in [QueueDirection.transmit, .receive] {
            let worker = region.journal.queue(slot).half(direction).worker
            if pool.mailDescriptors.indices.contains(worker) {
                _ = eventfd_write(pool.mailDescriptors[worker], 1)
            }
        }
        region.note(.kicked) {
            $0.vif = opening.id.vif
            $0.queue = opening.id.index
        }
    }

    /// Without a parent, whoever asks for the pair asks here.
    private mutating func hearRequest(_ poller: borrowing Poller) -> [News] {
        guard parent == nil, let handles else { return [] }
        if request == nil {
            request = HandoverRequest(acceptingFrom: handles.requests)
            if let descriptor = request?.descriptor {
                try? poller.add(descriptor, number: Self.requestNumber)
            }
        }
        switch request?.hear() {
        case nil, .nothing: return []
        case .asks(let version):
            guard version == JournalLayout.version, let (one, other) = try? MemberSocket.pair()
            else {
                request?.refuse(known: JournalLayout.version)
                return []
            }
            attend(one, poller)
            let pidfd = clinux_pidfd_open(getpid())
            request?.offer(handles, channel: other, pidfd: pidfd)
            Glibc.close(other)
            Glibc.close(pidfd)
            return [.shadowStands]
        case .ready:
            pool.handOver()
            return [.handsOver]
        case .end:
            if let descriptor = request?.descriptor { poller.remove(descriptor) }
            request = nil
            return []
        }
    }

    /// Shows a new shadow everything that is served.
    private mutating func attend(_ descriptor: Int32, _ poller: borrowing Poller) {
        if let old = shadow?.socket.descriptor { poller.remove(old) }
        dropShadow()
        shadow = ShadowLink(socket: MemberSocket(taking: descriptor))
        try? poller.add(descriptor, number: Self.shadowNumber)
        let mail = pool.mailDescriptors
        for first in stride(from: 0, to: mail.count, by: MemberSocket.descriptorsMax) {
            shadow?.socket.send(
                .mail(first: UInt32(first)),
                Array(mail[first...].prefix(MemberSocket.descriptorsMax)))
        }
        for (slot, entry) in table.entries.sorted(by: { $0.key < $1.key }) where entry.isOpen {
            show(slot, entry)
        }
        shadow?.socket.send(.complete)
    }

    private mutating func show(_ slot: Int, _ entry: QueueTable.Entry) {
        shadow?.socket.send(.queue(slot: UInt32(slot)), [entry.tap])
    }

    private mutating func hearShadow(_ poller: borrowing Poller) -> [News] {
        var news: [News] = []
        while let arrival = shadow?.socket.receive() {
            switch arrival {
            case .message(.forgot(let slot), _): finishForgetting(Int(slot))
            case .message(_, let descriptors):
                for descriptor in descriptors { Glibc.close(descriptor) }
            case .nothing:
                if let due = shadow?.forgetting.values.min(), due <= .now {
                    // Our parent ends it, and then it holds nothing.
                    parent?.send(.shadowHangs)
                    if let descriptor = shadow?.socket.descriptor { poller.remove(descriptor) }
                    dropShadow()
                    news.append(.shadowHangs)
                }
                return news
            case .end:
                if let descriptor = shadow?.socket.descriptor { poller.remove(descriptor) }
                dropShadow()
                news.append(.shadowGone)
            }
        }
        return news
    }

    private mutating func dropShadow() {
        let waiting = shadow?.forgetting.keys.sorted() ?? []
        shadow = nil
        for slot in waiting { closeNow(slot) }
    }

    private mutating func finishForgetting(_ slot: Int) {
        guard shadow?.forgetting.removeValue(forKey: slot) != nil else { return }
        closeNow(slot)
    }

    private mutating func closeNow(_ slot: Int) {
        if let id = table.entries[slot]?.opening.id { _ = pool.close(id) }
    }
}
