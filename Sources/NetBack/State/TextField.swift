// SPDX-License-Identifier: Apache-2.0
public import SharedMemory

/// Text in shared words: UTF-8, four bytes to a word, lowest first, zeros behind it.
public struct TextField<Words: SharedWords> {
    private let words: Words
    private let first: Int
    private let wordCount: Int

    /// A field of so many words.
    public init(_ words: Words, at first: Int, wordCount: Int) {
        self.words = words
        self.first = first
        self.wordCount = wordCount
    }

    /// Writes a text; what does not fit is cut off.
    public func write(_ text: String) {
        var iterator = text.utf8.makeIterator()
        for word in 0..<wordCount {
            var value: UInt32 = 0
            for position in 0..<4 {
                guard let byte = iterator.next() else { break }
                value |= UInt32(byte) << UInt32(8 * position)
            }
            // release: a record's stamp, stored as 0 before, is seen by whoever sees this.
            words.storeRelease(value, at: first + word)
        }
    }

    /// Reads it; what is no UTF-8 becomes U+FFFD.
    public func read() -> String {
        var bytes: [UInt8] = []
        for word in 0..<wordCount {
            // acquire: pairs with the release in write.
            let value = words.loadAcquire(at: first + word)
            for position in 0..<4 {
                let byte = UInt8(truncatingIfNeeded: value >> UInt32(8 * position))
                if byte == 0 { return String(decoding: bytes, as: UTF8.self) }
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
