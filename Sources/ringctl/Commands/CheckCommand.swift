// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc

/// `ringctl check`: every invariant.
struct CheckCommand: ParsableCommand {
    /// A busy ring is read while it moves: what is wrong in every look is wrong.
    private static var looks: Int { 3 }
    private static var pauseMicroseconds: UInt32 { 50_000 }

    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say in a sentence what is wrong with rings, journal, workers and pair.",
        discussion: """
            Looks three times, 50 ms apart, and tells what was wrong each time: a busy ring is
            read while it moves, and one look may see two moments at once. The word in brackets at
            a line's end names the rule and stays the same from version to version.

            Exit codes: 0 nothing is wrong; 1 something is, or could not be looked at; 64 the
            command line is wrong.
            """)

    @Argument(help: "One vif; without it everything is looked at.")
    var vif: VifArgument?

    @OptionGroup var options: SubjectOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let subject = try options.open()
        if let vif { _ = try subject.named(vif, rings: false) }
        let found = try Self.findings(of: subject, vif)
        if output.json {
            try output.print(CheckDocument(found))
        } else {
            for finding in found { print(Paint.bad(finding.line)) }
        }
        guard found.isEmpty else {
            throw Complaint("\(found.count) of the rules do not hold", remedy: nil)
        }
        if !output.json { print(Paint.good("every rule holds")) }
    }

    /// What is wrong in each of a few looks.
    static func findings(of subject: Subject, _ vif: VifArgument?) throws -> [Finding] {
        var persistent: [Finding] = []
        var first: [VifLook] = []
        var last: [VifLook] = []
        let isStill = subject.copiedAt != nil && subject.files?.isLive != true
        for number in 0..<(isStill ? 1 : looks) {
            if number > 0 {
                usleep(pauseMicroseconds)
                try subject.refresh()
            }
            last = try subject.vifs(vif, rings: true)
            if number == 0 { first = last }
            var found = last.flatMap(RingRules.findings)
            if vif == nil { found += BackendRules.findings(of: subject) }
            // A report's rings were copied a moment after its journal, while the successor served.
            if isStill { found.removeAll { $0.rule == .journalRing } }
            // Numbers in sentences move: a rule and its place are the same finding.
            persistent =
                number == 0
                ? found
                : found.filter { finding in
                    persistent.contains { $0.rule == finding.rule && $0.place == finding.place }
                }
        }
        let standstills = last.flatMap { look in
            first.first { $0.vif == look.vif && $0.nodes?.backend == look.nodes?.backend }
                .map { RingRules.standstills(from: $0, to: look) } ?? []
        }
        return persistent + (isStill ? [] : standstills)
    }
}
