// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Platform
import StoreClient

/// `ringctl list`: the vifs of a driver domain.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show every vif of this domain as xenstore has it.",
        discussion: """
            One line for each vif below backend/vif of the domain that we act as. vif3.0 is device
            0 of domain 3. Both ends of a working vif are Connected; a vif that waits has its
            backend at InitWait, one that is going away at Closing or Closed. ERROR is what the
            backend last complained about. A dash stands for a node that is missing.
            """)

    @OptionGroup var options: HypervisorOption

    func run() throws {
        var store = try options.hypervisor.openStore()
        var table = TextTable([
            "VIF", "BACKEND", "FRONTEND", "BRIDGE", "MAC", "QUEUES", "ERROR",
        ])
        do throws(PlatformError) {
            for nodes in try VifNodes.all(in: &store) {
                table.append([
                    "\(nodes.vif)", VifNodes.stateName(nodes.backendState),
                    VifNodes.stateName(nodes.frontendState), nodes.bridge, nodes.mac,
                    nodes.queueCount ?? "1", nodes.error,
                ])
            }
        } catch {
            throw options.hypervisor.complaint(of: error, at: "xenstore cannot be read")
        }
        for line in table.lines { print(line) }
    }
}
