// SPDX-License-Identifier: Apache-2.0
public import Heartbeat
public import SharedMemory

/// The last 128 lines that the processes of a pair logged: what they said before they died.
public struct LogTail<Words: SharedWords> {
    static var recordWordCount: Int { 64 }
    /// Bytes of a line that are kept.
    public static var lineByteCount: Int { 4 * (recordWordCount - 1) }

    private let ring: RecordRing<Words>

    /// Words that it needs.
    public static var wordCount: Int {
        RecordRing<Words>.wordCount(recordWordCount: recordWordCount)
    }

    /// The tail that starts at a word.
    public init(_ words: Words, at first: Int) {
        ring = RecordRing(words, at: first, recordWordCount: Self.recordWordCount)
    }

    /// The lines that are still there, oldest first.
    public var lines: [String] { ring.read(since: nil) { line(at: $0).read() }.map(\.record) }

    private func line(at place: Int) -> TextField<Words> {
        TextField(ring.words, at: place + 1, wordCount: Self.recordWordCount - 1)
    }
}

extension LogTail where Words: ContendedWords {
    /// Keeps a line. Any process, any thread; not on the packet path.
    public func append(_ text: String) {
        ring.append { line(at: $0).write(text) }
    }
}

extension LogTail: Sendable where Words: Sendable {}
