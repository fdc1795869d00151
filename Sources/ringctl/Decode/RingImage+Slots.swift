// SPDX-License-Identifier: Apache-2.0
import Netif
import Ring

extension RingImage<TransmitFormat> {
    /// The unanswered slots of a Tx ring, one line each.
    ///
    /// Extra infos are told from requests by what comes before them, starting with a packet's
    /// first request at `rsp_prod`; the raw words stand at the end of each line.
    var slotLines: [String] {
        var lines: [String] = []
        var isExtra = false
        var isContinuation = false
        for index in unanswered {
            let words = slot(at: index)
            let text: String
            if isExtra {
                let extra = ExtraInfo(words)
                text = SlotText.describe(extra)
                isExtra = extra.hasMore
            } else {
                let request = TransmitRequest(words)
                text = SlotText.describe(request)
                isExtra = !isContinuation && request.flags.contains(.extraInfo)
                isContinuation = request.flags.contains(.moreData)
            }
            lines.append(
                SlotText.line(
                    index, slot: index.slot(of: TransmitFormat.slotCount), text,
                    words: [words.word0, words.word1, words.word2]))
        }
        return lines
    }
}

extension RingImage<ReceiveFormat> {
    /// The unanswered slots of an Rx ring, one line each: empty buffers of the guest.
    var slotLines: [String] {
        unanswered.map { index in
            let words = slot(at: index)
            let request = ReceiveRequest(words)
            return SlotText.line(
                index, slot: index.slot(of: ReceiveFormat.slotCount),
                "gref \(request.grantReference) id \(request.id)",
                words: [words.word0, words.word1])
        }
    }
}
