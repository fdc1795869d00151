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
        guard let sum = unsafe Checksum.full(span.bytes, headers: headers) else { return false }
        store(sum, headers)
        return true
    }

    /// Writes the pseudo-header sum into the transport's checksum field.
    mutating func blank(_ headers: FrameHeaders) -> Bool {
        guard let sum = unsafe Checksum.blank(span.bytes, headers: headers) else { return false }
        store(sum, headers)
        return true
    }

    private mutating func store(_ sum: UInt16, _ headers: FrameHeaders) {
        let field = headers.transportOffset + headers.checksumOffset
        self[field] = UInt8(truncatingIfNeeded: sum >> 8)
        self[field + 1] = UInt8(truncatingIfNeeded: sum)
    }
}
