// SPDX-License-Identifier: Apache-2.0
public import SharedMemory

/// Where things are in a shared ring page, in 32-bit words. Corresponds to `struct name_sring`.
public enum RingLayout {
    /// `req_prod`, written by the frontend.
    @inlinable public static var requestProducer: Int { 0 }
    /// `req_event`, written by the backend: "tell me when `req_prod` passes this".
    @inlinable public static var requestEvent: Int { 1 }
    /// `rsp_prod`, written by the backend.
    @inlinable public static var responseProducer: Int { 2 }
    /// `rsp_event`, written by the frontend.
    @inlinable public static var responseEvent: Int { 3 }
    /// `ring[0]`: 64 bytes into the page.
    @inlinable public static var firstSlot: Int { 16 }
    /// A page of 4 KiB.
    @inlinable public static var pageWordCount: Int { 1024 }
}

/// The shape of one kind of ring: slot size and count, which are ours and never read from the page.
public protocol RingFormat {
    /// Size of `union name_sring_entry`, in words.
    static var wordsPerSlot: Int { get }
    /// How many of a slot's words a request fills.
    static var wordsPerRequest: Int { get }
    /// How many of a slot's words a response fills; the rest of the request survives.
    static var wordsPerResponse: Int { get }
    /// `nr_ents`: the largest power of two of slots that fit in a page.
    static var slotCount: UInt32 { get }
}

extension RingFormat {
    /// The word at which the slot of `index` starts.
    @inlinable @inline(__always)
    public static func firstWord(of index: RingIndex) -> Int {
        RingLayout.firstSlot + index.slot(of: slotCount) * wordsPerSlot
    }
}

/// Up to four words copied out of, or meant for, one slot. Words past the slot's size are zero.
public struct SlotWords: Equatable, Sendable {
    /// Bytes 0 to 3, little endian.
    public var word0: UInt32
    /// Bytes 4 to 7.
    public var word1: UInt32
    /// Bytes 8 to 11.
    public var word2: UInt32
    /// Bytes 12 to 15.
    public var word3: UInt32

    /// Takes the parts as they are.
    @inlinable
    public init(_ word0: UInt32, _ word1: UInt32 = 0, _ word2: UInt32 = 0, _ word3: UInt32 = 0) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }
}

extension SharedWords {
    /// Copies `count` words from `first` on, each by exactly one load.
    @inlinable @inline(__always)
    public func copySlot(at first: Int, count: Int) -> SlotWords {
        // Once for the slot: the compiler then leaves the check of each word out.
        precondition(first >= 0 && first + count <= wordCount, "a slot outside of the page")
        // relaxed: the bytes of a slot are ordered by the acquire of the producer index before.
        return SlotWords(
            loadRelaxed(at: first),
            count > 1 ? loadRelaxed(at: first + 1) : 0,
            count > 2 ? loadRelaxed(at: first + 2) : 0,
            count > 3 ? loadRelaxed(at: first + 3) : 0)
    }

    /// Stores the first `count` words of `slot` from `first` on.
    @inlinable @inline(__always)
    public func writeSlot(_ slot: SlotWords, at first: Int, count: Int) {
        precondition(first >= 0 && first + count <= wordCount, "a slot outside of the page")
        // relaxed: ordered by the release of the producer index that publishes the slot.
        storeRelaxed(slot.word0, at: first)
        if count > 1 { storeRelaxed(slot.word1, at: first + 1) }
        if count > 2 { storeRelaxed(slot.word2, at: first + 2) }
        if count > 3 { storeRelaxed(slot.word3, at: first + 3) }
    }
}
