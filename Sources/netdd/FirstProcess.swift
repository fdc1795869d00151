// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc
import HostNetwork
import Logging

/// PID 1 of the driver domain: prepares the machine, keeps the service running, and ends the
/// domain when it is asked to or when it cannot serve.
enum FirstProcess {
    static func run() -> Never {
        var logger = Logger.netbackd(level: .info)
        var step = BootStep.commandLine
        do {
            let options = try BootOptions(commandLine: SystemFile.text(of: "/proc/cmdline"))
            if options.isVerbose { logger.logLevel = .debug }
            step = .xen
            try requireXen()
            step = .modules
            try KernelModules.load(from: KernelModules.needed)
            try requireDevices()
            step = .bridge
            let network = try NetlinkSession()
            try makeBridge(options, network)
            step = .uplink
            if let uplink = options.uplink {
                let card = try plug(uplink, options, network)
                logger.info(
                    "uplink", metadata: ["link": "\(card.name)", "bridge": "\(options.bridge)"])
            }
            step = .addresses
            for address in options.addresses { try network.addAddress(address, to: options.bridge) }
            step = .service
            var supervisor = try Supervisor(logger: logger)
            end(try supervisor.run(), logger)
        } catch {
            // The console is all that an operator has: the last line says what failed.
            logger.critical(
                "cannot serve, powering off: \(step.text): \(error)",
                metadata: ["code": "\(step.rawValue)"])
            end(.poweroff, logger)
        }
    }

    private static func requireXen() throws {
        let type = try? SystemFile.text(of: "/sys/hypervisor/type")
        guard type?.hasPrefix("xen") ?? false else {
            throw Complaint(
                "this machine is not a domain of Xen",
                remedy: "boot the image with `xl create`, as PVH or PV")
        }
    }

    private static func requireDevices() throws {
        for device in ["/dev/xen/xenbus", "/dev/xen/gntdev", "/dev/xen/evtchn", "/dev/net/tun"]
        where unsafe access(device, R_OK | W_OK) != 0 {
            throw Complaint(
                "\(device) is not there",
                remedy: "the image's kernel and modules must be of one version")
        }
    }

    private static func makeBridge(
        _ options: BootOptions, _ network: borrowing NetlinkSession
    ) throws {
        // It stays for as long as the domain runs, whatever becomes of the service.
        try Bridge(usingOrCreating: options.bridge).leaveInPlace()
        if let mtu = options.mtu { try network.setMTU(mtu, of: options.bridge) }
    }

    private static func plug(
        _ uplink: BootOptions.Uplink, _ options: BootOptions, _ network: borrowing NetlinkSession
    ) throws -> NetworkCard {
        switch uplink {
        case .driver(let name): try KernelModules.load(from: "\(KernelModules.drivers)/\(name)")
        case .mac:
            for name in try SystemFile.names(in: KernelModules.drivers) {
                try KernelModules.load(from: "\(KernelModules.drivers)/\(name)")
            }
        }
        let card = try NetworkCard.wait(for: uplink)
        if let mtu = options.mtu { try network.setMTU(mtu, of: card.name) }
        try network.enslave(card.name, to: options.bridge)
        try network.bringUp(card.name)
        return card
    }

    private static func end(_ request: PowerRequest, _ logger: Logger) -> Never {
        logger.info("ending", metadata: ["request": "\(request.rawValue)"])
        // What was written must have left for the console before the domain is gone.
        tcdrain(2)
        switch request {
        case .poweroff: _ = clinux_power_off()
        case .reboot: _ = clinux_restart()
        }
        // Only if the kernel refused: PID 1 must not return.
        logger.critical("the kernel refused to end: errno \(errno)")
        while true { pause() }
    }
}
