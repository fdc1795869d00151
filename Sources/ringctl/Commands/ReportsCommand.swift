// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain

/// `ringctl reports`: the names of a pair's crash reports.
struct ReportsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reports",
        abstract: "List the crash reports of a pair, oldest first.",
        discussion: """
            On this machine a report is a folder, given to --report. A driver domain's is read
            with its name: `ringctl check --via netdd --report NAME`.
            """)

    @OptionGroup var options: SubjectOptions

    func run() throws {
        let names = String(decoding: try options.ask("reports"), as: UTF8.self)
        if !names.isEmpty { print(names) }
    }
}
