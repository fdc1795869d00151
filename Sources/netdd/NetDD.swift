// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// The one program of the boot image, under three names: /init is PID 1, which starts
/// `netdd serve` and keeps it going, which starts its members; /sbin/poweroff and /sbin/reboot tell
/// PID 1 what the toolstack asked of the kernel.
@main
enum NetDD {
    static func main() {
        clinux_init_anchor()
        let arguments = CommandLine.arguments
        if let request = PowerRequest(programName: arguments.first ?? "") {
            exit(request.passOn())
        }
        switch arguments.dropFirst().first {
        case ServiceProcess.serve: exit(ServiceProcess.run())
        case ServiceProcess.member: exit(ServiceProcess.runMember())
        default: break
        }
        guard getpid() == 1 else {
            let text =
                "netdd: this is the first program of a driver domain's boot image; "
                + "on a running system use netbackd\n"
            _ = unsafe text.withCString { unsafe write(2, $0, strlen($0)) }
            exit(64)
        }
        FirstProcess.run()
    }
}
