// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EmulatedPlatform

struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Take xenstore away from a domain, or give it back.",
        discussion: """
            `emuxen store stop net` ends the domain's connections to xenstore, with their watches \
            and transactions, and takes no new ones: what a domain sees of a xenstored that died. \
            `emuxen store start net` serves it again. Nodes stay, and other domains go on.
            """)

    enum Verb: String, ExpressibleByArgument, CaseIterable {
        case stop, start
    }

    @OptionGroup var machine: MachineOptions

    @Argument(help: "stop or start.")
    var verb: Verb

    @Argument(help: "The domain's name or number.")
    var domain: String

    func run() throws {
        let control = try machine.control()
        let id = try machine.domain(domain, control)
        switch verb {
        case .stop: try control.stopStore(of: id)
        case .start: try control.startStore(of: id)
        }
    }
}
