// SPDX-License-Identifier: Apache-2.0
// SAFETY: bytes have no padding and no invalid pattern, which is all that viewing them raw asks.
import Netif

/// The calls that take raw spans, for frames in arrays.
extension [UInt8] {
    /// Headers as the packet path finds them: in the first bytes only.
    var headers: FrameHeaders? { headers(inFirst: NetifLimits.headerWindow) }

    /// Headers when only the first bytes are seen.
    func headers(inFirst count: Int) -> FrameHeaders? {
        let window = Array(prefix(count))
        return unsafe FrameHeaders.parse(window.span.bytes, frameSize: self.count)
    }

    /// The folded sum of a part.
    func sum(in range: Range<Int>) -> UInt16 {
        unsafe Checksum.fold(Checksum.sum(span.bytes, in: range))
    }

    /// True when the transport's checksum is right.
    func verify(_ headers: FrameHeaders) -> Bool? {
        unsafe Checksum.verify(span.bytes, headers: headers)
    }

    /// Fills the transport's checksum in.
    mutating func fill(_ headers: FrameHeaders) -> Bool {
        var bytes = mutableSpan
        var raw = unsafe bytes.mutableBytes
        return Checksum.fill(&raw, headers: headers)
    }

    /// Writes the pseudo-header sum into the transport's checksum field.
    mutating func blank(_ headers: FrameHeaders) -> Bool {
        var bytes = mutableSpan
        var raw = unsafe bytes.mutableBytes
        return Checksum.blank(&raw, headers: headers)
    }
}
