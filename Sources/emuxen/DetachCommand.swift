// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EmulatedPlatform
import Glibc
import Platform

struct DetachCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detach",
        abstract: "Unplug a vif, as `xl network-detach` does.")

    @OptionGroup var machine: MachineOptions

    @Option(help: "The guest's name or number.")
    var guest: String

    @Option(help: "The device's number in the guest.")
    var device: UInt32 = 0

    @Option(help: "How many seconds the backend gets for each of its two steps.")
    var timeout = 10

    @Flag(help: "Remove the guest's half first, and whatever the backend leaves.")
    var force = false

    func run() throws {
        let control = try machine.control()
        let vif = VifID(domain: try machine.domain(guest, control), device: device)
        var toolstack = try machine.toolstack()
        let milliseconds = timeout * 1000
        do {
            if force {
                try toolstack.destroyVif(vif, timeoutMilliseconds: milliseconds)
            } else {
                try toolstack.detachVif(vif, timeoutMilliseconds: milliseconds)
            }
        } catch {
            throw failure(error, vif)
        }
    }

    private func failure(_ error: PlatformError, _ vif: VifID) -> any Error {
        switch error.errno {
        case ENOENT: Failure(description: "\(guest) has no device \(device)")
        case ETIMEDOUT:
            Failure(
                description: "the backend did not close and remove \(vif) within \(timeout) s; "
                    + "--force unplugs it all the same")
        default: error
        }
    }
}
