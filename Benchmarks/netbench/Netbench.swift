// SPDX-License-Identifier: Apache-2.0
// Questions: how much traffic passes between guests and host, and how fast, beside the same
// traffic through the kernel alone and beside a plain copy between two TAPs?
internal import ArgumentParser

@main
struct Netbench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "netbench",
        abstract: "The measuring side of scripts/bench.",
        subcommands: [
            CopyCommand.self, SendCommand.self, ReceiveCommand.self, PingCommand.self,
            EchoCommand.self, ReportCommand.self,
        ])
}
