// SPDX-License-Identifier: Apache-2.0
import Netif
import Platform
public import SharedMemory

/// One queue's page of the journal: who it belongs to, and where its packets stand.
public struct QueueJournal<Words: SharedWords> {
    let words: Words
    let first: Int

    init(words: Words, first: Int) {
        self.words = words
        self.first = first
    }

    /// Where packets from the guest stand.
    public var transmit: TransmitJournal<Words> { TransmitJournal(words: words, first: first) }
    /// Where packets to the guest stand.
    public var receive: ReceiveJournal<Words> { ReceiveJournal(words: words, first: first) }
    /// What the worker of a half looks at in each turn, and what it counts.
    public func half(_ direction: QueueDirection) -> HalfJournal<Words> {
        HalfJournal(words: words, first: first, direction: direction)
    }

    /// True while the page describes a queue.
    public var isUsed: Bool {
        // acquire: pairs with the release in describe.
        words.loadAcquire(at: first + JournalLayout.state) == 1
    }

    /// Describes a queue in a page that was free.
    public func describe(_ opening: QueueOpening, interfaceName: String) {
        let configuration = opening.configuration
        for word in 0..<JournalLayout.transmitAnswers { put(0, word) }
        put(opening.id.generation, JournalLayout.generation)
        put(UInt32(opening.id.vif.domain.rawValue), JournalLayout.domain)
        put(opening.id.vif.device, JournalLayout.device)
        put(opening.id.index, JournalLayout.index)
        put(configuration.transmitRing.rawValue, JournalLayout.transmitRing)
        put(configuration.receiveRing.rawValue, JournalLayout.receiveRing)
        put(configuration.transmitPort.rawValue, JournalLayout.transmitPort)
        put(configuration.receivePort.rawValue, JournalLayout.receivePort)
        put(opening.features.rawValue, JournalLayout.features)
        put(UInt32(clamping: opening.frameSizeMax), JournalLayout.frameSizeMax)
        put(opening.isAlone ? 0 : 1, JournalLayout.hasSiblings)
        interfaceField.write(String(decoding: interfaceName.utf8.prefix(15), as: UTF8.self))
        // release: the description is complete.
        words.storeRelease(1, at: first + JournalLayout.state)
    }

    /// Frees the page.
    public func free() { words.storeRelease(0, at: first + JournalLayout.state) }

    /// The queue that the page describes; nil when it is free or describes none that could be.
    public func opening(slot: Int) -> QueueOpening? {
        guard isUsed, let domain = UInt16(exactly: get(JournalLayout.domain)) else { return nil }
        return QueueOpening(
            id: QueueID(
                vif: VifID(domain: DomainID(domain), device: get(JournalLayout.device)),
                index: get(JournalLayout.index), generation: get(JournalLayout.generation)),
            configuration: QueueConfiguration(
                transmitRing: GrantReference(get(JournalLayout.transmitRing)),
                receiveRing: GrantReference(get(JournalLayout.receiveRing)),
                transmitPort: EventChannelPort(get(JournalLayout.transmitPort)),
                receivePort: EventChannelPort(get(JournalLayout.receivePort))),
            features: FrontendFeatures(rawValue: get(JournalLayout.features)),
            frameSizeMax: Int(get(JournalLayout.frameSizeMax)), slot: slot,
            isAlone: get(JournalLayout.hasSiblings) == 0)
    }

    /// The name of the host's interface.
    public var interfaceName: String { interfaceField.read() }

    private var interfaceField: TextField<Words> {
        TextField(words, at: first + JournalLayout.interfaceName, wordCount: 4)
    }

    /// Names the connection that the queue belongs to from now on.
    public func rename(generation: UInt32) { put(generation, JournalLayout.generation) }

    /// Makes nonsense of the indices, on purpose: what a stray store could do.
    public func corrupt() {
        for word in [JournalLayout.intended, JournalLayout.receivePublished] {
            words.storeRelease(get(word) ^ 0x5A5A_0000, at: first + word)
        }
    }

    private func put(_ value: UInt32, _ word: Int) {
        // relaxed: ordered by the release of the state.
        words.storeRelaxed(value, at: first + word)
    }

    private func get(_ word: Int) -> UInt32 { words.loadRelaxed(at: first + word) }
}

extension QueueJournal: Sendable where Words: Sendable {}
