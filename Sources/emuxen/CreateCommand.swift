// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EmulatedPlatform
import Platform

struct CreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a domain and print its id.")

    @OptionGroup var machine: MachineOptions

    @Argument(help: ArgumentHelp("Its name and its memory in MiB.", valueName: "name:mib"))
    var domain: DomainArgument

    @Option(
        help: """
            The id to give it. A driver domain made again with the id of a dead one finds its \
            guests' event channels and grants waiting.
            """)
    var id: UInt16?

    func run() throws {
        let control = try machine.control()
        let wanted = id.map { DomainID($0) }
        print(
            try control.createDomain(
                name: domain.name, pageCount: domain.pageCount, id: wanted))
    }
}
