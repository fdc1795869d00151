// SPDX-License-Identifier: Apache-2.0
import CRingOracle
import Ring
import SharedMemory

/// A ring shaped as netif's Tx ring: 12 bytes a slot, of which a response fills 4.
enum TxShape: RingFormat {
    static var wordsPerSlot: Int { 3 }
    static var wordsPerRequest: Int { 3 }
    static var wordsPerResponse: Int { 1 }
    static var slotCount: UInt32 { 256 }
}

/// A ring shaped as netif's Rx ring: 8 bytes a slot, all of them filled either way.
enum RxShape: RingFormat {
    static var wordsPerSlot: Int { 2 }
    static var wordsPerRequest: Int { 2 }
    static var wordsPerResponse: Int { 2 }
    static var slotCount: UInt32 { 256 }
}

typealias TxFront = FrontRing<MappedWords, TxShape>
typealias TxBack = BackRing<MappedWords, TxShape>

/// Positions at which 32-bit arithmetic can go wrong, and one where it cannot.
let startIndices: [UInt32] = [0, UInt32.max - 4, UInt32.max - 300, 0x7FFF_FFFD]
