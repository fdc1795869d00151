// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What the domain is asked to do in the end.
///
/// The toolstack writes `control/shutdown`; the kernel takes the request, acknowledges it and runs
/// /sbin/poweroff or /sbin/reboot. In the image those are links to this same program, which under
/// such a name does nothing but pass the request on to PID 1.
enum PowerRequest: String {
    case poweroff
    case reboot

    /// The request that a program's name stands for, nil for any other name.
    init?(programName: String) {
        self.init(rawValue: programName.split(separator: "/").last.map(String.init) ?? "")
    }

    /// The signals by which an init is asked, as busybox's understands them.
    var signal: Int32 {
        switch self {
        case .poweroff: SIGUSR2
        case .reboot: SIGTERM
        }
    }

    /// What a signal asks for, nil if it asks for neither.
    init?(signal: Int32) {
        switch signal {
        case SIGUSR2: self = .poweroff
        // The second is what the kernel sends for ctrl-alt-del.
        case SIGTERM, SIGINT: self = .reboot
        default: return nil
        }
    }

    /// Passes the request on to PID 1; the exit code of the program.
    func passOn() -> Int32 { kill(1, signal) == 0 ? 0 : 1 }
}
