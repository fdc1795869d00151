// SPDX-License-Identifier: Apache-2.0

/// The rules that every source file keeps, beyond those of the compiler and the formatter.
enum SourceRules {
    static let linesPerFile = 400
    static let columnsPerLine = 100

    /// Every place at which a file breaks a rule.
    static func violations(in file: SourceFile) -> [String] {
        var found = shape(of: file)
        if file.path.hasSuffix(".swift") {
            found += words(of: file)
            if file.module != nil { found += naming(of: file) }
        }
        return found
    }

    private static func shape(of file: SourceFile) -> [String] {
        var found: [String] = []
        let lines = file.lines
        // The first line may belong to the program that runs the file.
        let head = lines.first.map {
            $0.hasPrefix("#!") || $0.hasPrefix("// swift-tools-version") ? 1 : 0
        }
        let licence = lines.dropFirst(head ?? 0).first ?? ""
        if !licence.hasSuffix(" SPDX-License-Identifier: Apache-2.0") {
            found.append("\(file.path):1: the licence line is missing")
        }
        if lines.count > linesPerFile {
            found.append("\(file.path): \(lines.count) lines, \(linesPerFile) are allowed")
        }
        // Spelt in two parts, so that this file keeps its own rule.
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        for (number, line) in lines.enumerated() {
            if line.count > columnsPerLine {
                found.append("\(file.path):\(number + 1): \(line.count) columns")
            }
            let words = line.split { !$0.isLetter }
            for mark in marks where words.contains(where: { $0 == mark }) {
                found.append("\(file.path):\(number + 1): \(mark): do it, or leave it")
            }
        }
        return found
    }

    private static func words(of file: SourceFile) -> [String] {
        var found: [String] = []
        // Once for a file is enough.
        var isUnsafeReported = Exceptions.hold(Exceptions.unsafeCode, file.path)
        for (number, line) in file.code.enumerated() {
            let place = "\(file.path):\(number + 1)"
            guard file.module != nil else { continue }
            let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" && $0 != "@" }
            if !isUnsafeReported, words.contains("unsafe") || words.contains("@unsafe") {
                isUnsafeReported = true
                found.append("\(place): unsafe code in a file that is not listed for it")
            }
            if ["&+", "&-", "&*"].contains(where: line.contains),
                !Exceptions.hold(Exceptions.wrappingArithmetic, file.path)
            {
                found.append("\(place): wrapping arithmetic in a file that is not listed for it")
            }
        }
        for (line, module) in file.imports {
            if module.hasPrefix("Foundation"), !Exceptions.hold(Exceptions.foundation, file.path) {
                found.append("\(file.path):\(line): Foundation doubles the size of a program")
            }
            if module == "Synchronization", file.module != nil,
                !Exceptions.hold(Exceptions.synchronization, file.path)
            {
                found.append("\(file.path):\(line): atomics in a file that is not listed for them")
            }
        }
        return found
    }

    /// A file that declares types declares the one that it is named after, or whose name starts
    /// with the file's. `Type+Aspect.swift` extends the type.
    private static func naming(of file: SourceFile) -> [String] {
        if Exceptions.hold(Exceptions.names, file.path) { return [] }
        let parts = file.name.split(separator: "+")
        if parts.count == 2 {
            let isExtended = file.code.contains { line in
                line.split { !$0.isLetter && !$0.isNumber }.starts(with: ["extension", parts[0]])
                    || line.contains("extension \(parts[0])")
            }
            return isExtended ? [] : ["\(file.path): extends no \(parts[0])"]
        }
        let keywords: Set = ["struct", "class", "enum", "protocol", "actor"]
        let types = file.code.filter { $0.first != " " }.compactMap { line -> Substring? in
            let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
            guard let keyword = words.firstIndex(where: { keywords.contains(String($0)) }),
                keyword + 1 < words.count
            else { return nil }
            return words[keyword + 1]
        }
        let isNamed = types.isEmpty || types.contains { $0.hasPrefix(file.name) }
        return isNamed ? [] : ["\(file.path): declares \(types.joined(separator: ", "))"]
    }
}
