// SPDX-License-Identifier: Apache-2.0

/// What both ends saw, in one number: equal hashes mean equal work. The multiplier is FNV's.
struct WorkHash {
    var value: UInt64 = 0

    @inline(__always)
    mutating func mix(_ word: UInt64) {
        // A hash wraps on purpose.
        value = (value ^ word) &* 0x100_0000_01b3
    }
}
