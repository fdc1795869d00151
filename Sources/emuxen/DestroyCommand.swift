// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EmulatedPlatform

struct DestroyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "destroy",
        abstract: "End a domain, after its vifs were unplugged by force.")

    @OptionGroup var machine: MachineOptions

    @Argument(help: "Its name or its number.")
    var domain: String

    @Option(help: "How many seconds a backend gets for each of its two steps.")
    var timeout = 10

    func run() throws {
        let control = try machine.control()
        let id = try machine.domain(domain, control)
        var toolstack = try machine.toolstack()
        try toolstack.forget(id, timeoutMilliseconds: timeout * 1000)
        try control.destroyDomain(id)
    }
}
