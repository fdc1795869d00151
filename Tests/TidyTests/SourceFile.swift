// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

/// A text file of the package.
struct SourceFile: Sendable {
    /// From the package's root on.
    let path: String
    let text: String

    /// The lines, without their ends.
    var lines: [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    /// `Sources/NetBack/Backend.swift` is `Backend`.
    var name: String {
        let last = path.split(separator: "/").last ?? ""
        return String(last.split(separator: ".").first ?? last)
    }

    /// The module of a file below Sources.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }

    /// The lines with comments and the contents of string literals taken out.
    var code: [String] {
        var isInText = false
        var isInComment = false
        return lines.map { line in
            Self.code(of: line, isInText: &isInText, isInComment: &isInComment)
        }
    }

    /// Every module that a line of this file imports, with the line's number.
    var imports: [(line: Int, module: String)] {
        code.enumerated().compactMap { number, line in
            let words = line.split(separator: " ").map(String.init)
            guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count,
                words[..<keyword].allSatisfy({ $0.hasPrefix("@") || Self.access.contains($0) })
            else { return nil }
            // `import struct Module.Type` names the module in front of the dot.
            let name = words.last ?? ""
            return (number + 1, String(name.split(separator: ".").first ?? ""))
        }
    }

    private static let access: Set = ["public", "package", "internal", "fileprivate", "private"]

    private static func code(
        of line: String, isInText: inout Bool, isInComment: inout Bool
    ) -> String {
        var result = ""
        var isInLiteral = false
        var rest = line[...]
        while let character = rest.first {
            if isInComment {
                if rest.hasPrefix("*/") { isInComment = false }
            } else if rest.hasPrefix("\"\"\"") {
                isInText.toggle()
                rest = rest.dropFirst(2)
            } else if isInText {
            } else if character == "\\" && isInLiteral {
                rest = rest.dropFirst()
            } else if character == "\"" {
                isInLiteral.toggle()
            } else if isInLiteral {
            } else if rest.hasPrefix("//") {
                break
            } else if rest.hasPrefix("/*") {
                isInComment = true
            } else {
                result.append(character)
            }
            rest = rest.dropFirst()
        }
        return result
    }
}
