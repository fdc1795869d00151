// SPDX-License-Identifier: Apache-2.0

/// Bytes that are appended at the end and taken from the start, each at constant cost.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }

    /// What has not been taken yet.
    var pending: ArraySlice<UInt8> { bytes[start...] }

    mutating func append(_ more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

    mutating func removeFirst(_ count: Int) {
        start += count
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        } else if start >= 4096, start * 2 >= bytes.count {
            bytes.removeFirst(start)
            start = 0
        }
    }
}
