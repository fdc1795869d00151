// SPDX-License-Identifier: Apache-2.0
import DriverDomain
import Glibc
import Logging
import NetBack

/// The children of PID 1 that serve: netbackd without a command line.
///
/// `netdd serve` is the parent of a pair, whose two members are `netdd member`. Processes of their
/// own, so that a crash costs guests nothing: the shadow serves on at once, and where there is none
/// the next process attaches to the rings where the last one left them.
enum ServiceProcess {
    /// The descriptor on which PID 1 hears that vifs are served.
    static let readyDescriptor: Int32 = 3
    /// The name of a pair's parent in this program, and that of its members.
    static let serve = "serve"
    static let member = "member"

    /// What the kernel's command line says of the service.
    private struct Wishes {
        let boot: BootOptions
        let driver: DriverOptions
        let pair: PairOptions
        let logger: Logger

        init() throws {
            boot = try BootOptions(commandLine: SystemFile.text(of: "/proc/cmdline"))
            logger = Logger.netbackd(level: boot.isVerbose ? .debug : .info)
            var driver = DriverOptions(bridge: boot.bridge)
            driver.mtu = boot.mtu
            driver.storeClient = .wire
            // The next service attaches to the rings; a domain that ends takes its nodes along.
            driver.detachesAtExit = true
            driver.limits.offersChecksumOffload = boot.offersChecksumOffload
            self.driver = driver
            var pair = PairOptions(memberArguments: ["netdd", ServiceProcess.member])
            pair.detection = boot.detection
            pair.allowsFaults = boot.allowsFaults
            // A parent that died left a pair that serves.
            pair.takesOver = true
            // In memory: dom0 reads them from there.
            pair.crashFolder = "/run/netdd-crash"
            pair.crashReportsMax = 3
            self.pair = pair
        }
    }

    /// Serves until a signal; the exit code.
    static func run() -> Int32 {
        guarding { wishes in
            guard !wishes.boot.isSingle else {
                let driver = wishes.driver
                try Service(driver, logger: wishes.logger).run(
                    whenServing: tellReady, reload: { driver })
                return 0
            }
            return try Pair(wishes.driver, wishes.pair, logger: wishes.logger)
                .run(whenServing: tellReady)
        }
    }

    /// Runs one of the two processes of a pair; the exit code.
    static func runMember() -> Int32 {
        guarding { wishes in
            let driver = wishes.driver
            try PairMember(driver, wishes.pair, logger: wishes.logger).run { driver }
            return 0
        }
    }

    private static func guarding(_ body: (Wishes) throws -> Int32) -> Int32 {
        do {
            return try body(try Wishes())
        } catch {
            Logger.netbackd(level: .info).critical("\(error)")
            return 1
        }
    }

    private static func tellReady() {
        _ = unsafe "ready\n".withCString { unsafe write(readyDescriptor, $0, 6) }
        close(readyDescriptor)
    }
}
