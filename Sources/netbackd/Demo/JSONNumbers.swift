// SPDX-License-Identifier: Apache-2.0

/// Finds numbers in the reports of measuring programs, without a JSON parser in the daemon.
enum JSONNumbers {
    /// The number after `"key":` within the object after `"object":`; the last such object counts,
    /// since iperf3 puts its totals at the end.
    static func find(_ key: String, in object: String, of text: String) -> Double? {
        var found: Double?
        for part in text.components(after: "\"\(object)\":") {
            let body = part.prefix { $0 != "}" }
            guard let value = String(body).components(after: "\"\(key)\":").first else { continue }
            let digits = value.drop { $0.isWhitespace }
                .prefix { $0.isNumber || $0 == "." || $0 == "-" || $0 == "e" || $0 == "+" }
            found = Double(String(digits)) ?? found
        }
        return found
    }

    /// The number in front of a word, as in `Queries per second:   1234.5`.
    static func find(after label: String, in text: String) -> Double? {
        guard let rest = text.components(after: label).first else { return nil }
        return Double(
            String(rest.drop { $0.isWhitespace }.prefix { $0.isNumber || $0 == "." }))
    }
}

extension String {
    /// What follows each occurrence of a marker, up to the end of the text.
    fileprivate func components(after marker: String) -> [Substring] {
        var found: [Substring] = []
        let (text, wanted) = (Array(utf8), Array(marker.utf8))
        guard !wanted.isEmpty, text.count >= wanted.count else { return [] }
        var position = 0
        while position + wanted.count <= text.count {
            if text[position] == wanted[0],
                text[position..<position + wanted.count].elementsEqual(wanted)
            {
                position += wanted.count
                found.append(self[utf8.index(startIndex, offsetBy: position)...])
            } else {
                position += 1
            }
        }
        return found
    }
}
