// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FoundationEssentials

/// How a command answers.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Answer with a JSON document; docs/RINGCTL.md has its schema.")
    var json = false

    /// Prints a document: keys in snake case, sorted, so that equal facts give equal text.
    func print(_ document: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        Swift.print(String(decoding: try encoder.encode(document), as: UTF8.self))
    }
}
