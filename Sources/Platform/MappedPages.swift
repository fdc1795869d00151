// SPDX-License-Identifier: Apache-2.0

/// A granted page mapped into this process: a value that must be given back to the grant table
/// that made it. Dropping it is our own bug and traps.
@safe
public struct MappedPages: ~Copyable {
    /// Where it is mapped.
    public let base: UnsafeMutableRawPointer
    /// How many pages of 4096 bytes.
    public let pageCount: Int
    /// What the grant table that made it needs to undo it.
    public let handle: UInt64

    /// SAFETY: the grant table guarantees that the pages stay mapped until `relinquish()`.
    @unsafe
    public init(at base: UnsafeMutableRawPointer, pageCount: Int, handle: UInt64) {
        unsafe self.base = base
        self.pageCount = pageCount
        self.handle = handle
    }

    // A mapping has at least one page, so this traps; a bare failure would be "never executed".
    deinit { precondition(pageCount == 0, "a mapping was dropped instead of being unmapped") }

    /// Called by the grant table alone, when it has undone the mapping.
    public consuming func relinquish() { discard self }
}
