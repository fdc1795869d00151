// SPDX-License-Identifier: Apache-2.0

/// Where things are in the journal, in 32-bit words. docs/TAKEOVER.md has the tables.
///
/// A page for the header, a page for each worker, a page for each queue, in this order. Every word
/// has one writer at a time: whoever holds the worker's lock.
public enum JournalLayout {
    /// Words of a page of 4096 bytes.
    @inlinable public static var pageWordCount: Int { 1024 }
    /// "NetJ": the memory is a journal.
    public static var magic: UInt32 { 0x4A74_654E }
    /// What this program writes. Another one refuses it before it touches anything.
    public static var version: UInt32 { 2 }

    // The header.
    static var magicWord: Int { 0 }
    static var versionWord: Int { 1 }
    static var workersWord: Int { 2 }
    static var queuesWord: Int { 3 }
    /// 128 bytes: which domain of which hypervisor is served.
    static var domainWord: Int { 16 }
    static var domainWordCount: Int { 32 }

    // A worker's page. Words 5 and 6: since when its owner serves, in nanoseconds.
    static var servesSince: Int { 5 }
    /// Which half the step is of: 0 for none, else `JournalHalf.rawValue`.
    @inlinable static var active: Int { 0 }
    /// Where that half's journal stood when the step began.
    @inlinable static var stepBase: Int { 1 }
    /// Frames that had passed the half's port before the step, modulo 2^32.
    @inlinable static var framesBefore: Int { 2 }
    /// Bytes that had been read from the half's port before the step, modulo 2^32.
    @inlinable static var bytesBefore: Int { 3 }
    /// Frames read from the port in this step.
    @inlinable static var poolCount: Int { 4 }
    /// The half and the place of the last death within a step, and how many there were of it.
    static var deathHalf: Int { 8 }
    static var deathBase: Int { 9 }
    static var deathCount: Int { 10 }
    /// The epoch of whoever may write the worker's rings.
    static var lease: Int { 12 }
    /// What is to go wrong with the worker, on purpose; see `InjectedFault`.
    @inlinable static var injectedFault: Int { 13 }
    /// The process and the thread that serve the worker's rings, as the kernel numbers them.
    static var process: Int { 14 }
    static var thread: Int { 15 }
    /// 64 bytes for the lock that a worker holds for as long as it serves.
    public static var lock: Int { 16 }
    /// Bytes of each frame of the pool.
    @inlinable static var poolSizes: Int { 64 }
    /// Frames that the pool has room for.
    @inlinable public static var poolFramesMax: Int { 64 }

    // A queue's page.
    static var state: Int { 0 }
    static var generation: Int { 1 }
    static var domain: Int { 2 }
    static var device: Int { 3 }
    static var index: Int { 4 }
    static var transmitRing: Int { 5 }
    static var receiveRing: Int { 6 }
    static var transmitPort: Int { 7 }
    static var receivePort: Int { 8 }
    static var features: Int { 9 }
    static var frameSizeMax: Int { 10 }
    static var transmitChannel: Int { 11 }
    static var receiveChannel: Int { 12 }
    static var transmitWorker: Int { 13 }
    static var receiveWorker: Int { 14 }
    /// 1 while the vif has other queues.
    static var hasSiblings: Int { 19 }
    /// 1 once a half does no more ring work.
    @inlinable static var transmitDisabled: Int { 15 }
    @inlinable static var receiveDisabled: Int { 16 }
    /// 1 to make a half stall, on purpose.
    @inlinable static var transmitStall: Int { 17 }
    @inlinable static var receiveStall: Int { 18 }
    /// Up to where packets may have been handed to the port.
    @inlinable static var intended: Int { 24 }
    /// Up to where answers are journalled.
    @inlinable static var transmitDone: Int { 25 }
    /// Frames that the port took, modulo 2^32.
    @inlinable static var transmitFrames: Int { 26 }
    /// Up to where answers are published.
    @inlinable static var transmitPublished: Int { 27 }
    @inlinable static var receiveDone: Int { 32 }
    /// Frames and bytes that were read from the port, modulo 2^32.
    @inlinable static var receiveFrames: Int { 33 }
    @inlinable static var receiveBytes: Int { 34 }
    @inlinable static var receivePublished: Int { 35 }
    /// 16 bytes: the name of the host's interface.
    static var interfaceName: Int { 40 }
    /// Counters, two words each.
    @inlinable static var transmitStatistics: Int { 64 }
    @inlinable static var receiveStatistics: Int { 96 }
    /// A word for each slot of the Tx ring.
    @inlinable static var transmitAnswers: Int { 256 }
    /// Two words for each slot of the Rx ring.
    @inlinable static var receiveAnswers: Int { 512 }
}
