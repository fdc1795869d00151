// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import BenchmarkReport

/// Lines of `round build workload value` to tables.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Reads `round build workload value` lines and prints the tables.")

    @Option(help: "The command line that made the numbers.")
    var command: String

    @Option(help: "What to call the Swift compiler in the header.")
    var compiler = Provenance.swift

    func run() throws {
        var results = Results()
        while let line = readLine() {
            guard results.add(line) else { throw ValidationError("not a result: \(line)") }
        }
        print("Traffic, emulated: guests, machine and netback are processes of one host")
        print(Provenance.header(command: command, compilers: [compiler]))
        print(results.table.markdown)
        print(results.ratios.markdown, terminator: "")
    }
}
