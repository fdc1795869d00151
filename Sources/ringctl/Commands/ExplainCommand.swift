// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc

/// `ringctl explain`: why is this guest silent?
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say in words why a guest has no network, one step after the other.",
        discussion: """
            Goes the way that a packet goes: states in xenstore, grants, indices, whether the rings
            move in a fifth of a second, what the backend keeps, its workers, the bridge port. The
            first step that is wrong is repeated at the end: look there first.

            Exit codes: 0 nothing is wrong; 1 something is; 64 the command line is wrong.
            """)

    @Argument(help: "The vif: vif3.0, or g1/0.")
    var vif: VifArgument

    @OptionGroup var options: SubjectOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let subject = try options.open()
        let before = try subject.named(vif)
        usleep(200_000)
        try subject.refresh()
        let looks = try subject.named(vif)
        let explanations = looks.map { look in
            Explanation(of: look, before: before.first { $0.vif == look.vif }, subject)
        }
        if output.json {
            try output.print(
                ExplainDocument(steps: explanations.flatMap(\.steps)))
        } else {
            for step in explanations.flatMap(\.steps) {
                let mark =
                    switch step.verdict {
                    case "ok": Paint.good("ok   ")
                    case "wrong": Paint.bad("WRONG")
                    default: "?    "
                    }
                print("\(mark)  \(step.text)")
            }
        }
        if let culprit = explanations.compactMap(\.culprit).first {
            throw Complaint("look here first: \(culprit.text)", remedy: nil)
        }
        if !output.json {
            print("nothing is wrong here: look into the guest, and beyond the bridge")
        }
    }
}

/// What `ringctl explain --json` says.
struct ExplainDocument: Encodable {
    var schema = "ringctl.explain/1"
    var steps: [Explanation.Step]
}
