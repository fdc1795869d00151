// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

@main
struct Ringctl: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ringctl")
}
