// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

@main
struct Netbackd: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "netbackd")
}
