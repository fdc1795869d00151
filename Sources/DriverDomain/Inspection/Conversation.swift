// SPDX-License-Identifier: Apache-2.0

/// Questions in a stream of bytes, one on each line.
struct Conversation {
    private var begun: [UInt8] = []

    /// Takes bytes as they come.
    ///
    /// - Returns: the questions that they complete; nil when one is longer than any question is.
    mutating func questions(in bytes: some Sequence<UInt8>) -> [String]? {
        var complete: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                complete.append(String(decoding: begun, as: UTF8.self))
                begun = []
            } else {
                guard begun.count < InspectionService.questionMax else { return nil }
                begun.append(byte)
            }
        }
        return complete
    }
}
