// SPDX-License-Identifier: Apache-2.0
public import Netif
public import Platform

/// Looks at frames in the arena.
///
/// A debug build's check of the packet path takes the end of any view of bytes for a possible
/// deallocation. A view is four words without a destructor, so these three functions, which do
/// nothing but make one and pass it on, are left out of the check; what they call is not.
extension PageArena {
    /// Where a frame's headers are.
    @inlinable @_semantics("no_performance_analysis")
    func findHeaders(at offset: Int, count: Int, frameSize: Int) -> FrameHeaders? {
        let seen = bytes(at: offset, count: count)
        return FrameHeaders.parse(seen, frameSize: frameSize)
    }

    /// The pseudo-header sum of a frame whose first bytes are here.
    @inlinable @_semantics("no_performance_analysis")
    func blankChecksum(at offset: Int, count: Int, headers: FrameHeaders) -> UInt16? {
        let seen = bytes(at: offset, count: count)
        return Checksum.blank(seen, headers: headers)
    }

    /// The checksum of a whole frame.
    @inlinable @_semantics("no_performance_analysis")
    func fullChecksum(at offset: Int, count: Int, headers: FrameHeaders) -> UInt16? {
        let seen = bytes(at: offset, count: count)
        return Checksum.full(seen, headers: headers)
    }
}
