// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

@main
struct Netbackd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "netbackd",
        abstract: "A network driver domain for Xen, in userspace.",
        discussion: "Serves unmodified guests' vifs and forwards to a Linux bridge.",
        version: "0.1.0",
        subcommands: [
            RunCommand.self, PairCommand.self, MemberCommand.self, SelftestCommand.self,
            DemoCommand.self, SoakCommand.self, ChaosCommand.self,
        ])
}
