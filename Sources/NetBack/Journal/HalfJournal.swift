// SPDX-License-Identifier: Apache-2.0
public import Platform
public import SharedMemory

/// The words of one half in its queue's page, beside those of its ring's journal.
public struct HalfJournal<Words: SharedWords> {
    @usableFromInline let words: Words
    @usableFromInline let first: Int
    @usableFromInline let direction: QueueDirection

    init(words: Words, first: Int, direction: QueueDirection) {
        self.words = words
        self.first = first
        self.direction = direction
    }

    /// Our end of the half's event channel, which a successor takes up; 0 for none yet.
    public var channel: EventChannelPort {
        EventChannelPort(words.loadRelaxed(at: first + channelWord))
    }

    /// The number of the worker that serves it.
    public var worker: Int { Int(words.loadRelaxed(at: first + workerWord)) }

    /// Notes who serves the half, and by which channel.
    public func note(channel: EventChannelPort, worker: Int) {
        words.storeRelaxed(UInt32(truncatingIfNeeded: worker), at: first + workerWord)
        words.storeRelease(channel.rawValue, at: first + channelWord)
    }

    /// The half does no more ring work.
    @inlinable public var isDisabled: Bool {
        words.loadRelaxed(at: first + disabledWord) != 0
    }

    /// Notes that it does no more.
    @inlinable
    public func disable() { words.storeRelaxed(1, at: first + disabledWord) }

    /// True while the half is to stall, on purpose.
    @inlinable
    public var isStalling: Bool {
        @inline(__always) get {
            switch direction {
            case .transmit:
                words.loadRelaxed(at: first + JournalLayout.transmitStall) != 0
            case .receive: words.loadRelaxed(at: first + JournalLayout.receiveStall) != 0
            }
        }
    }

    /// Makes the half stall, or ends that.
    public func stall(_ isStalling: Bool) {
        let word =
            direction == .transmit ? JournalLayout.transmitStall : JournalLayout.receiveStall
        words.storeRelaxed(isStalling ? 1 : 0, at: first + word)
    }

    @inlinable var disabledWord: Int {
        switch direction {
        case .transmit: JournalLayout.transmitDisabled
        case .receive: JournalLayout.receiveDisabled
        }
    }

    private var channelWord: Int {
        direction == .transmit ? JournalLayout.transmitChannel : JournalLayout.receiveChannel
    }

    private var workerWord: Int {
        direction == .transmit ? JournalLayout.transmitWorker : JournalLayout.receiveWorker
    }
}

extension HalfJournal: Sendable where Words: Sendable {}
