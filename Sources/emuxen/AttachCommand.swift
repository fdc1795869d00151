// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EmulatedPlatform
import Glibc
import Platform

struct AttachCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Plug a vif into a guest, as `xl network-attach` does.")

    @OptionGroup var machine: MachineOptions

    @Option(help: "The guest's name or number.")
    var guest: String

    @Option(help: "The driver domain's name or number.")
    var backend: String

    @Option(help: "The device's number in the guest.")
    var device: UInt32 = 0

    @Option(help: "The guest's address, as 00:16:3e:01:02:03.")
    var mac: String

    @Option(help: "The bridge in the driver domain.")
    var bridge = "xenbr0"

    @Option(help: "The largest packet in bytes, for the guest and the driver domain.")
    var mtu: Int?

    @Option(help: "How many seconds to wait for the backend to be ready; 0 waits not at all.")
    var timeout = 10

    func run() throws {
        guard let address = MACAddress(mac) else {
            throw ValidationError("\(mac) is no address of the form 00:16:3e:01:02:03")
        }
        let control = try machine.control()
        let vif = VifID(domain: try machine.domain(guest, control), device: device)
        var toolstack = try machine.toolstack()
        do {
            try toolstack.attachVif(
                VifAttachment(
                    vif: vif, backend: try machine.domain(backend, control), mac: address,
                    bridge: bridge, mtu: mtu))
        } catch let error as PlatformError where error.errno == EEXIST {
            throw Failure(description: "\(guest) has a device \(device) already")
        }
        guard timeout > 0 else { return }
        let state = try toolstack.waitForBackend(
            of: vif, state: .initWait, timeoutMilliseconds: timeout * 1000)
        guard state.rawValue >= XenbusState.initWait.rawValue else {
            throw Failure(
                description: "\(vif) is plugged in, but no backend in \(backend) took it up "
                    + "within \(timeout) s (its state is \(state))")
        }
    }
}
