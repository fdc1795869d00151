// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc

/// Mount, network and process namespaces around everything that a demo does.
///
/// The host's network is never touched, and the kernel removes namespaces, bridge, TAPs, sockets
/// and processes with the last of us, whichever way we end.
enum Sandbox {
    /// Where the demo's files are, on a file system that only it sees.
    static var directory: String { "/run/netback-demo" }

    /// Replaces this process by `unshare`, which runs `arguments` of this program inside.
    ///
    /// Never returns unless unshare(1) cannot be started.
    static func enter(_ arguments: [String]) throws -> Never {
        var words = ["unshare"]
        // Without root a user namespace stands in for it.
        if geteuid() != 0 { words += ["--user", "--map-root-user"] }
        words += ["--mount", "--net", "--pid", "--fork", "--kill-child"]
        words += [ownPath()] + arguments
        var pointers = unsafe words.map { unsafe strdup($0) } + [nil]
        // SAFETY: the strings stay until the process image is replaced.
        unsafe execvp("unshare", &pointers)
        throw Complaint(
            "unshare cannot be started: \(unsafe String(cString: strerror(errno)))",
            remedy: "install util-linux")
    }

    /// Sets up the inside; returns our process number as the outside sees it.
    static func prepare() throws -> String {
        // /proc is still the outside's: it knows us by the outside's number.
        var buffer = [CChar](repeating: 0, count: 32)
        let count = unsafe readlink("/proc/self", &buffer, buffer.count - 1)
        let outside = String(
            decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try mounting("none", on: "/", type: nil, MS_REC | MS_PRIVATE)
        try mounting("proc", on: "/proc", type: "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        try mounting("tmpfs", on: "/run", type: "tmpfs", MS_NOSUID | MS_NODEV)
        for path in ["/run/netns", directory] { unsafe mkdir(path, 0o755) }
        return outside
    }

    /// Where `name`, another program of ours, stands: beside this one.
    static func sibling(_ name: String) -> String {
        let own = ownPath()
        guard let slash = own.lastIndex(of: "/") else { return name }
        return own[...slash] + name
    }

    private static func ownPath() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
        return String(
            decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func mounting(
        _ source: String, on target: String, type: String?, _ flags: Int
    ) throws {
        guard unsafe mount(source, target, type, UInt(flags), nil) == 0 else {
            throw Complaint(
                "mount of \(target) failed: \(unsafe String(cString: strerror(errno)))",
                remedy: "run as root, or where user namespaces are allowed")
        }
    }
}
