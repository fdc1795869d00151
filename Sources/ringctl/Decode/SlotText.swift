// SPDX-License-Identifier: Apache-2.0
import Netif
import Ring

/// Slots in words, with the names of Xen's netif.h.
enum SlotText {
    /// A line for a slot: where it is, what it says, and its words as they stand there.
    static func line(_ index: RingIndex, slot: Int, _ text: String, words: [UInt32]) -> String {
        "  [\(slot)] at \(index): \(text)  <\(words.map(hexadecimal).joined(separator: " "))>"
    }

    static func describe(_ request: TransmitRequest) -> String {
        "gref \(request.grantReference) offset \(request.offset) size \(request.size) "
            + "flags \(names(of: request.flags)) id \(request.id)"
    }

    static func describe(_ extra: ExtraInfo) -> String {
        let text =
            switch extra.type {
            case ExtraInfo.segmentationType:
                "gso size \(extra.segmentSize) type \(segmentKind(of: extra)) "
                    + "features \(extra.segmentFeatures)"
            case ExtraInfo.multicastAddType: "mcast_add \(address(of: extra))"
            case ExtraInfo.multicastDeleteType: "mcast_del \(address(of: extra))"
            case ExtraInfo.hashType:
                "hash type \(extra.hashKind) algorithm \(extra.hashAlgorithm) "
                    + "value 0x\(hexadecimal(extra.hashValue))"
            case ExtraInfo.xdpType: "xdp headroom \(extra.xdpHeadroom)"
            default: "of unknown type \(extra.type)"
            }
        return "extra_info \(text)\(extra.hasMore ? " flags more" : "")"
    }

    /// `csum_blank|more_data`; bits without a name as a number, no bit at all as 0.
    static func names(of flags: TransmitFlags) -> String {
        let known: [(TransmitFlags, String)] = [
            (.checksumBlank, "csum_blank"), (.dataValidated, "data_validated"),
            (.moreData, "more_data"), (.extraInfo, "extra_info"),
        ]
        var names = known.filter { flags.contains($0.0) }.map(\.1)
        let rest = flags.rawValue & ~known.reduce(0) { $0 | $1.0.rawValue }
        if rest != 0 { names.append("0x\(String(rest, radix: 16))") }
        return names.isEmpty ? "0" : names.joined(separator: "|")
    }

    private static func segmentKind(of extra: ExtraInfo) -> String {
        switch SegmentationOffload.Kind(rawValue: extra.segmentKind) {
        case .tcpv4: "tcpv4"
        case .tcpv6: "tcpv6"
        case nil: "unknown(\(extra.segmentKind))"
        }
    }

    private static func address(of extra: ExtraInfo) -> String {
        (0..<6).map { place in
            let byte = UInt8(truncatingIfNeeded: extra.multicastAddress >> UInt64(40 - 8 * place))
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined(separator: ":")
    }

    private static func hexadecimal(_ word: UInt32) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
