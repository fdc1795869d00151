// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EmulatedPlatform

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the domains: id, memory in MiB, name.")

    @OptionGroup var machine: MachineOptions

    func run() throws {
        for domain in try machine.control().domains() {
            print("\(domain.id)\t\(domain.pageCount / 256)\t\(domain.name)")
        }
    }
}
