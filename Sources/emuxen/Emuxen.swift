// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

@main
struct Emuxen: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emuxen",
        abstract: "A Xen machine without Xen: domains, grants, event channels and a xenstore.",
        discussion: """
            Start a machine, plug a vif in, and point a driver domain and guests at it:

              emuxen machine --dir /run/emuxen --domain net:64 --domain web:64
              emuxen attach --dir /run/emuxen --guest web --backend net \\
                  --mac 00:16:3e:00:00:01 --bridge br0
              XENSTORED_PATH=/run/emuxen/dom0/xenstored.sock xenstore-ls

            Whoever connects to the sockets in DIR/domN acts as domain N.
            """,
        subcommands: [
            MachineCommand.self, CreateCommand.self, DestroyCommand.self, ListCommand.self,
            AttachCommand.self, DetachCommand.self, GuestCommand.self, StoreCommand.self,
        ])
}
