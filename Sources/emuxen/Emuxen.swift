// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

@main
struct Emuxen: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "emuxen")
}
