// SPDX-License-Identifier: Apache-2.0
public import SharedMemory

/// Words of which two may be written at once by different processes.
public protocol ContendedWords: SharedWords {
    /// Replaces a word that still holds `expected`; false when it holds anything else.
    func compareExchange(expected: UInt32, desired: UInt32, at word: Int) -> Bool
}

extension MappedWords: ContendedWords {}

/// Which of a worker's lives it is: every successor has a higher one.
public struct LeaseEpoch: Equatable, Hashable, Sendable, CustomStringConvertible {
    /// The value in shared memory.
    public let rawValue: UInt32

    /// Takes a number as it is.
    @inlinable
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// Nobody has held the lease yet.
    public static var none: LeaseEpoch { LeaseEpoch(0) }

    /// The epoch after this one; never `none`, so that the wrap at 2^32 grants nothing to anyone.
    public var next: LeaseEpoch { LeaseEpoch(rawValue == .max ? 1 : rawValue + 1) }

    /// As an operator reads it in a log.
    public var description: String { "\(rawValue)" }
}

/// Who may write the rings: the holder of the epoch in one shared word.
///
/// A predecessor that comes back to life finds that it no longer holds the lease and stops. That
/// catches a zombie between two of its turns, not in the middle of one: before it writes a ring, a
/// successor also waits until its predecessor is gone.
public struct Lease<Words: SharedWords> {
    @usableFromInline let words: Words
    @usableFromInline let word: Int

    /// The lease in one word.
    public init(words: Words, word: Int) {
        self.words = words
        self.word = word
    }

    /// The epoch that holds the lease.
    @inlinable
    public var holder: LeaseEpoch {
        // acquire: pairs with the exchange in acquire(succeeding:).
        LeaseEpoch(words.loadAcquire(at: word))
    }

    /// Caller: the holder, once per turn. Whether `epoch` still holds the lease; one load.
    @inlinable @inline(__always)
    public func isHeld(by epoch: LeaseEpoch) -> Bool {
        // acquire: pairs with the exchange in acquire(succeeding:).
        words.loadAcquire(at: word) == epoch.rawValue
    }
}

extension Lease: Sendable where Words: Sendable {}

extension Lease where Words: ContendedWords {
    /// Caller: a successor. Takes the lease from `epoch`, and only from it.
    ///
    /// - Returns: the new epoch; nil when another successor was faster.
    public func acquire(succeeding epoch: LeaseEpoch) -> LeaseEpoch? {
        // acquire and release: pairs with holder and isHeld; of two successors one wins.
        let next = epoch.next
        return words.compareExchange(
            expected: epoch.rawValue, desired: next.rawValue, at: word) ? next : nil
    }
}
