// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A version of the hypervisor, as in `/sys/hypervisor/version`.
struct XenVersion: Comparable, CustomStringConvertible {
    var major: Int
    var minor: Int

    /// The oldest that is served. Its tools brought the libraries that netbackd stands on
    /// (libxengnttab and libxenevtchn with a stable interface); before it nothing was ever tried.
    static let oldest = XenVersion(major: 4, minor: 7)

    /// The version of the hypervisor below this kernel; nil where the kernel does not tell.
    static func running(folder: String = "/sys/hypervisor") -> XenVersion? {
        guard number("\(folder)/type", as: { $0 == "xen" ? 0 : nil }) != nil,
            let major = number("\(folder)/version/major", as: { Int($0) }),
            let minor = number("\(folder)/version/minor", as: { Int($0) })
        else { return nil }
        return XenVersion(major: major, minor: minor)
    }

    /// Refuses a hypervisor that is too old. One that does not tell is tried.
    ///
    /// - Throws: `Complaint` naming both versions.
    static func check(folder: String = "/sys/hypervisor") throws {
        guard let running = running(folder: folder), running < oldest else { return }
        throw Complaint(
            "this is Xen \(running), and netbackd needs Xen \(oldest) or later",
            remedy: "upgrade Xen on this host, or serve its guests by xen-netback")
    }

    static func < (one: XenVersion, other: XenVersion) -> Bool {
        (one.major, one.minor) < (other.major, other.minor)
    }

    var description: String { "\(major).\(minor)" }

    private static func number(_ path: String, as parse: (Substring) -> Int?) -> Int? {
        (try? SystemFile.lines(of: path))?.first.flatMap(parse)
    }
}
