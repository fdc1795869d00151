// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DriverDomain
import Glibc
import HostNetwork
import Platform
import StoreClient

/// `netbackd selftest`: what `netbackd run` would miss on this machine, before it does.
struct SelftestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "selftest",
        abstract: "Check that this machine has all that `netbackd run` needs.",
        discussion: """
            One line for each check: `ok`, `warn` or `MISSING`, what it is about, and what to do.
            Nothing is changed: links are tried out in a network namespace that goes at once.

            Exit codes: 0 everything needed is there; 1 something is missing; 64 the command line
            is wrong.
            """)

    @Option(
        help: ArgumentHelp(
            "xen, or emulated:DIR with a domain's folder of an emulated machine.",
            discussion: "As it would be given to `netbackd run`."))
    var hypervisor: String = "xen"

    @Option(help: "A bridge that must be there; without it none is looked for.")
    var bridge: String?

    func run() throws {
        let choice = try HypervisorChoice(parsing: hypervisor)
        var report = SelftestReport()
        report.checkLinks()
        if let bridge {
            report.need("bridge \(bridge)") {
                _ = try Service.openBridge(bridge, creating: false)
            }
        }
        switch choice {
        case .xen: report.checkXen()
        case .emulated(let socket): report.checkMachine(socket)
        }
        report.checkDescriptorLimit()
        guard report.isWhole else { throw ExitCode(1) }
    }
}

/// Prints checks as they are made, and remembers whether something needed is missing.
struct SelftestReport {
    /// What the capability to plumb links is called by capabilities(7): bit 12.
    private static var networkCapability: UInt64 { 1 << 12 }
    /// A TAP for each of as many vifs as are served by default, with room for everything else.
    private static var descriptorsNeeded: UInt { 1024 }

    /// False once something needed is missing.
    private(set) var isWhole = true

    /// Checks something without which `netbackd run` cannot work.
    mutating func need(_ what: String, _ check: () throws -> Void) {
        do {
            try check()
            print("ok       \(what)")
        } catch {
            print("MISSING  \(what): \(error)")
            isWhole = false
        }
    }

    private func warn(_ what: String) { print("warn     \(what)") }

    /// Netlink, privilege and TAPs, tried out where they disturb nobody.
    mutating func checkLinks() {
        need("libnl and the kernel's netlink") { _ = try NetlinkSession() }
        do throws(HostNetworkError) {
            try tryLinks(in: NetworkNamespace.fresh())
        } catch {
            // Links cannot be tried out without touching the host's: go by what is known.
            need("privilege to make links (CAP_NET_ADMIN)") { try Self.checkCapability() }
            need("/dev/net/tun") { try TapDevice.checkAvailability() }
            warn("no link was tried out, for want of a network namespace of its own: \(error)")
        }
    }

    private mutating func tryLinks(in namespace: consuming NetworkNamespace) {
        let namespace = namespace
        need("privilege to make links (CAP_NET_ADMIN)") {
            try namespace.within { () throws(HostNetworkError) in
                try Bridge(usingOrCreating: "selftest0").remove()
            }
        }
        need("/dev/net/tun, a TAP with vnet header and offloads") {
            try namespace.within { () throws(HostNetworkError) in
                _ = try TapDevice(named: "selftest1", offload: .all)
            }
        }
    }

    /// Xen's devices and xenstore, and that no other backend takes our vifs.
    mutating func checkXen() {
        for device in ["/dev/xen/gntdev", "/dev/xen/evtchn"] {
            need(device) { try Self.checkOpens(device, for: .xen) }
        }
        need("xenstore") { _ = try Service.openStore(.xen) }
        if unsafe access("/sys/module/xen_netback", F_OK) == 0 {
            warn(
                "the kernel's own backend is loaded and takes the same vifs: "
                    + "`modprobe -r xen-netback`")
        } else {
            print("ok       the kernel's own backend (xen-netback) is not loaded")
        }
    }

    /// The sockets of a domain of an emulated machine.
    mutating func checkMachine(_ socket: String) {
        let choice = HypervisorChoice.emulated(socket: socket)
        need("emulated hypervisor \(socket)") { try Service.checkHypervisor(choice) }
        need("xenstore \(choice.storeSocket ?? "")") {
            _ = try Service.openStore(choice)
        }
    }

    /// The number of descriptors that this process may have.
    mutating func checkDescriptorLimit() {
        var limit = rlimit()
        // SAFETY: a local variable, for the length of the call.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return warn("the limit of open files is unknown: errno \(errno)")
        }
        let needed = Self.descriptorsNeeded
        if limit.rlim_cur < needed {
            warn("at most \(limit.rlim_cur) open files: `ulimit -n \(needed)` for many vifs")
        } else {
            print("ok       at most \(limit.rlim_cur) open files")
        }
    }

    /// Looks for CAP_NET_ADMIN among the capabilities in effect.
    private static func checkCapability() throws {
        let label = "CapEff:"
        let line = try SystemFile.lines(of: "/proc/self/status").first { $0.hasPrefix(label) }
        let digits = (line?.dropFirst(label.count) ?? "").filter { $0.isHexDigit }
        guard (UInt64(digits, radix: 16) ?? 0) & networkCapability == 0 else { return }
        throw Complaint(
            "this user may not", remedy: "run as root, or with `setpriv --ambient-caps +net_admin`")
    }

    private static func checkOpens(_ path: String, for choice: HypervisorChoice) throws {
        let descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
        guard descriptor < 0 else { return _ = close(descriptor) }
        let error = PlatformError("open", errno: errno)
        throw Complaint("\(error)", remedy: Service.remedy(for: error, choice))
    }
}
