// SPDX-License-Identifier: Apache-2.0

/// 32-bit words of memory that someone else can write while we read.
///
/// Ring and Heartbeat are generic over this protocol: a mapped page in production, a page that
/// counts stores in the simulation, a page that hands over a baton at each access in the
/// interleaving tests. Memory orders are method names because the compiler wants them constant.
/// Offsets are word indices, never byte offsets.
public protocol SharedWords {
    /// How many words may be addressed.
    var wordCount: Int { get }

    /// Loads a word; whatever the peer stored before its release of that value is visible after.
    func loadAcquire(at word: Int) -> UInt32

    /// Loads a word exactly once, with no order towards other words.
    func loadRelaxed(at word: Int) -> UInt32

    /// Stores a word; everything stored before is visible to whoever acquires this value.
    func storeRelease(_ value: UInt32, at word: Int)

    /// Stores a word exactly once, with no order towards other words.
    func storeRelaxed(_ value: UInt32, at word: Int)

    /// A full (sequentially consistent) fence: no access moves over it in either direction.
    func fence()
}
