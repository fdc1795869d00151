// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import EmulatedPlatform
import Glibc
import NetBack
import Netif
import Platform
import Ring
import SharedMemory
import StoreClient
import XenPlatform

/// What is looked at: a store, a backend's memory, and rings, each as far as it can be had.
///
/// Nothing here writes, neither to xenstore nor to a page.
final class Subject {
    /// A ring that is to be read.
    struct RingPlace {
        var slot: Int?
        var direction: QueueDirection
        var reference: GrantReference
        var guest: DomainID
        /// The domain that serves it, nil for our own.
        var backend: DomainID?
    }

    /// How errors name it.
    let name: String
    /// The memory of the backend, if it is ours and can be had.
    private(set) var image: StateImage?
    /// Why it cannot be had, where there is a reason worth telling.
    private(set) var imageFailure: String?
    let choice: HypervisorChoice?
    /// What the clock of the memory's times showed when the memory was copied; nil: it is ours.
    private(set) var copiedAt: UInt64?
    /// Facts of a report, as they stand there.
    private(set) var about: [(key: String, value: String)] = []
    let files: (any StateFiles)?
    private var store: LibXenStore?
    /// What the store said, and when.
    private var remembered: [(nodes: VifNodes, queues: [VifQueueNodes])] = []
    private var readAt = Instant(nanoseconds: 0)
    private let readRing: (RingPlace) throws -> CopiedWords

    /// Looks at a domain that we are, or, as dom0, at all of them.
    init(of choice: HypervisorChoice) throws {
        name = choice.description
        self.choice = choice
        files = nil
        store = try choice.openStore()
        do {
            image = try BackendProcess.memory(for: choice)
        } catch let complaint as Complaint {
            imageFailure = complaint.description
        }
        switch choice {
        case .xen:
            // Opened when first needed: listing takes no grants.
            var grants: GrantReader<XenHypervisor>?
            var foreign: ForeignReader?
            readRing = { place in
                if place.backend == nil {
                    let reader = try grants ?? GrantReader(XenHypervisor())
                    grants = reader
                    return try reader.page(of: place.reference, from: place.guest)
                }
                let reader = try foreign ?? ForeignReader()
                foreign = reader
                return try reader.page(of: place.reference, from: place.guest)
            }
        case .emulated(let socket):
            var grants: GrantReader<EmulatedHypervisor>?
            readRing = { place in
                guard place.backend == nil else {
                    throw Complaint(
                        "another domain's rings cannot be read on an emulated machine",
                        remedy: "give the folder of that domain to --hypervisor")
                }
                let reader = try grants ?? GrantReader(EmulatedHypervisor(socket: socket))
                grants = reader
                return try reader.page(of: place.reference, from: place.guest)
            }
        }
    }

    /// Looks into a copy of a backend's memory.
    init(files: some StateFiles, name: String) throws {
        self.name = name
        self.files = files
        choice = nil
        guard let bytes = try files.read("state") else {
            throw Complaint("\(name) has no state", remedy: nil)
        }
        if let text = try files.read("about") {
            about = ReportFolder.facts(String(decoding: text, as: UTF8.self))
        }
        copiedAt = about.first { $0.key == "monotonic_ns" }.flatMap { UInt64($0.value) } ?? 0
        do {
            image = try StateImage(copying: bytes)
        } catch let complaint as Complaint {
            throw Complaint("\(name): \(complaint.message)", remedy: complaint.remedy)
        }
        readRing = { place in
            let direction = place.direction == .transmit ? "tx" : "rx"
            guard let slot = place.slot,
                let bytes = try files.read("ring-\(slot)-\(direction)")
            else { throw Complaint("\(name) has no copy of it", remedy: nil) }
            return CopiedWords(bytes: bytes)
        }
    }

    /// Takes a fresh copy, of a backend that is asked over a connection.
    func refresh() throws {
        guard let files, files.isLive, let bytes = try files.read("state") else { return }
        image = try StateImage(copying: bytes)
        if let text = try files.read("about") {
            about = ReportFolder.facts(String(decoding: text, as: UTF8.self))
            copiedAt = about.first { $0.key == "monotonic_ns" }.flatMap { UInt64($0.value) } ?? 0
        }
    }

    /// The instant to compare the memory's times with, in nanoseconds.
    var now: UInt64 { copiedAt ?? Instant.now.nanoseconds }

    /// Calls `body` with what the backend keeps, which is there for as long as the call: a view
    /// does not keep its memory, and we might be gone after our last use.
    ///
    /// - Throws: `Complaint` when there is none, or none of ours, and what `body` throws.
    func withView<Result>(
        _ body: (StateView<MappedWords>) throws -> Result
    ) throws -> Result {
        guard let image else {
            throw Complaint(
                imageFailure ?? "no backend of this project serves \(name)",
                remedy: "other backends keep no journal and no events")
        }
        return try withExtendedLifetime(image) { try body(image.view) }
    }

    /// Asks the store something; nil where there is none.
    func ask<Answer>(
        _ question: (inout LibXenStore) throws(PlatformError) -> Answer
    ) throws -> Answer? {
        do throws(PlatformError) {
            // swift-format-ignore: NeverForceUnwrap
            // A store is not copied: there is no other way to lend it.
            return store == nil ? nil : try question(&store!)
        } catch {
            throw choice?.complaint(of: error, at: "xenstore cannot be read")
                ?? Complaint("xenstore cannot be read: \(error)", remedy: nil)
        }
    }

    // MARK: vifs

    /// Every vif, or those that an argument names, with their rings if those are wanted.
    ///
    /// What the store says may be as old as `storeAge` nanoseconds: it takes a request for each
    /// node, and changes seldom.
    func vifs(
        _ wanted: VifArgument? = nil, rings: Bool, storeAge: UInt64 = 0
    ) throws -> [VifLook] {
        let now = Instant.now
        if storeAge == 0 || remembered.isEmpty || now.nanoseconds(since: readAt) >= storeAge {
            remembered = try readStore(wanted)
            readAt = now
        }
        let slots = self.slots
        var looks = remembered.map { look($0.nodes, $0.queues, slots, rings: rings) }
        if let image {
            looks += journalled(in: image, except: looks, wanted, rings: rings)
        }
        return looks.sorted { $0.vif < $1.vif }
    }

    private func readStore(
        _ wanted: VifArgument?
    ) throws -> [(nodes: VifNodes, queues: [VifQueueNodes])] {
        var found: [(VifNodes, [VifQueueNodes])] = []
        let all = try ask { store throws(PlatformError) in try VifNodes.all(in: &store) } ?? []
        for nodes in all where wanted?.names(nodes.vif, guest: nodes.name) ?? true {
            let queues = try ask { store throws(PlatformError) in
                try VifQueueNodes.all(of: nodes, in: &store)
            }
            found.append((nodes, queues ?? []))
        }
        return found
    }

    /// The vifs that an argument names, one at least.
    func named(_ wanted: VifArgument, rings: Bool = true) throws -> [VifLook] {
        let looks = try vifs(wanted, rings: rings)
        guard looks.isEmpty else { return looks }
        throw Complaint(
            files == nil ? "this domain serves no \(wanted)" : "\(name) knows no \(wanted)",
            remedy: "`ringctl list` shows what it does")
    }

    private func look(
        _ nodes: VifNodes, _ queueNodes: [VifQueueNodes], _ slots: [Place: Int], rings: Bool
    ) -> VifLook {
        var look = VifLook(vif: nodes.vif, nodes: nodes, queues: [])
        for node in queueNodes {
            var queue = QueueLook(index: node.index)
            queue.transmit.reference = node.transmitRing
            queue.transmit.port = node.transmitPort
            queue.receive.reference = node.receiveRing
            queue.receive.port = node.receivePort
            if nodes.backend == nil, let slot = slots[Place(nodes.vif, node.index)] {
                addJournal(slot, to: &queue)
                look.interfaceName = image?.view.journal.queue(slot).interfaceName
            }
            if rings { addRings(to: &queue, of: nodes.vif, backend: nodes.backend) }
            look.queues.append(queue)
        }
        return look
    }

    /// Vifs that the journal has and the store has not.
    private func journalled(
        in image: StateImage, except known: [VifLook], _ wanted: VifArgument?, rings: Bool
    ) -> [VifLook] {
        let journal = image.view.journal
        var looks: [VifLook] = []
        for slot in 0..<journal.queueCount {
            guard let opening = journal.queue(slot).opening(slot: slot) else { continue }
            let vif = opening.id.vif
            let isKnown = known.contains { $0.vif == vif && $0.nodes?.backend == nil }
            guard !isKnown, wanted?.names(vif, guest: nil) ?? true else { continue }
            var queue = QueueLook(index: opening.id.index)
            addJournal(slot, to: &queue)
            if rings { addRings(to: &queue, of: vif, backend: nil) }
            if let place = looks.firstIndex(where: { $0.vif == vif }) {
                looks[place].queues.append(queue)
            } else {
                looks.append(
                    VifLook(
                        vif: vif, interfaceName: journal.queue(slot).interfaceName,
                        queues: [queue]))
            }
        }
        return looks
    }

    /// A queue, whatever its connection.
    private struct Place: Hashable {
        let vif: VifID
        let index: UInt32

        init(_ vif: VifID, _ index: UInt32) {
            self.vif = vif
            self.index = index
        }
    }

    /// Where the journal has each queue.
    private var slots: [Place: Int] {
        guard let journal = image?.view.journal else { return [:] }
        var slots: [Place: Int] = [:]
        for slot in 0..<journal.queueCount {
            guard let id = journal.queue(slot).opening(slot: slot)?.id else { continue }
            let place = Place(id.vif, id.index)
            // Of two, which `check` tells of, the first.
            if slots[place] == nil { slots[place] = slot }
        }
        return slots
    }

    private func addJournal(_ slot: Int, to queue: inout QueueLook) {
        guard let page = image?.view.journal.queue(slot) else { return }
        queue.slot = slot
        queue.opening = page.opening(slot: slot)
        queue.transmit.journal = HalfPage(page, .transmit)
        queue.receive.journal = HalfPage(page, .receive)
        if let configuration = queue.opening?.configuration {
            // The store's word, where there is one, is the guest's latest.
            queue.transmit.reference =
                queue.transmit.reference ?? "\(configuration.transmitRing)"
            queue.receive.reference = queue.receive.reference ?? "\(configuration.receiveRing)"
            queue.transmit.port = queue.transmit.port ?? "\(configuration.transmitPort)"
            queue.receive.port = queue.receive.port ?? "\(configuration.receivePort)"
        }
    }

    private func addRings(to queue: inout QueueLook, of vif: VifID, backend: DomainID?) {
        read(&queue.transmit, .transmit, NetifKey.txRingRef, queue.slot, vif, backend)
        read(&queue.receive, .receive, NetifKey.rxRingRef, queue.slot, vif, backend)
    }

    private func read<Format: RingFormat>(
        _ half: inout HalfLook<Format>, _ direction: QueueDirection, _ key: String, _ slot: Int?,
        _ vif: VifID, _ backend: DomainID?
    ) {
        guard let text = half.reference else {
            half.failure = "the frontend wrote no \(key)"
            return
        }
        guard let reference = half.grant else {
            half.failure = "\(key)=\(TextTable.printable(text)) is not a grant reference"
            return
        }
        do {
            half.image = RingImage(
                try readRing(
                    RingPlace(
                        slot: slot, direction: direction, reference: reference,
                        guest: vif.domain, backend: backend)))
        } catch {
            half.failure = "\(key)=\(reference) cannot be mapped: \(error)"
        }
    }
}
