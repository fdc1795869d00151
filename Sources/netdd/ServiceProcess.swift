// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import Logging
import NetBack

/// The child of PID 1 that serves: netbackd without a command line.
///
/// A process of its own, so that a crash costs guests a pause and not the domain: the next one
/// attaches to the rings where this one left them.
enum ServiceProcess {
    /// The descriptor on which PID 1 hears that vifs are served.
    static let readyDescriptor: Int32 = 3

    /// Serves until a signal; the exit code.
    static func run() -> Int32 {
        let boot: BootOptions
        do {
            boot = try BootOptions(commandLine: SystemFile.text(of: "/proc/cmdline"))
        } catch {
            Logger.netbackd(level: .info).critical("\(error)")
            return 1
        }
        let logger = Logger.netbackd(level: boot.isVerbose ? .debug : .info)
        var options = DriverOptions(bridge: boot.bridge)
        options.mtu = boot.mtu
        options.storeClient = .wire
        // The next service attaches to the rings; a domain that ends takes its nodes along.
        options.detachesAtExit = true
        options.limits.offersChecksumOffload = boot.offersChecksumOffload
        do {
            try Service(options, logger: logger).run(
                whenServing: {
                    _ = unsafe "ready\n".withCString { unsafe write(readyDescriptor, $0, 6) }
                    close(readyDescriptor)
                },
                reload: { options })
            return 0
        } catch {
            logger.critical("\(error)")
            return 1
        }
    }
}
