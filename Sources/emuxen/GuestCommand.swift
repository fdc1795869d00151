// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import EmulatedPlatform
import Glibc
import HostNetwork
import Platform
import StoreClient

struct GuestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guest",
        abstract: "Run a guest: a domain, its frontends, and a network namespace.",
        discussion: """
            Makes a domain, plugs its vifs in as xl does, and runs the frontend of each. A vif is
            the interface ethN in the guest's network namespace: a program run there
            (`ip netns exec NAME …`) is "in the guest".

            The frontend checks every rule by which Linux's netfront disables a backend. At the
            end one line for each vif tells what it did.

            Exit codes: 0 all went well; 1 something is missing or failed; 3 a backend broke a
            rule (the vif is dead, as it would be under Linux).
            """)

    @OptionGroup var machine: MachineOptions

    @Option(help: "The guest's name.")
    var name: String

    @Option(help: "The driver domain's name or number.")
    var backend: String

    @Option(
        name: .customLong("vif"),
        help: ArgumentHelp(
            "A vif, as in xl: mac=…,bridge=…[,mtu=…], and ip=ADDRESS/BITS for the guest's side. "
                + "May be given several times.", valueName: "keys"))
    var vifs: [VifArgument]

    @Option(help: "The network namespace; made if it is not there (default: the guest's name).")
    var netns: String?

    @Flag(help: "Close and reopen before the first connect, as Windows does.")
    var closesFirst = false

    @Flag(help: "Use one event channel for both rings.")
    var singleChannel = false

    @Option(
        name: .customLong("ready-fd"),
        help: "A descriptor that gets a newline, and is closed, once every vif is connected.")
    var readyDescriptor: Int32?

    func run() throws {
        let signals = try stopDescriptor()
        let control = try machine.control()
        let pages = 64 + vifs.count * NetFrontQueue.pageCount
        let id = try control.createDomain(name: name, pageCount: pages, id: nil)
        let isWhole: Bool
        do {
            isWhole = try serve(id, control, signals)
        } catch {
            try? remove(id, control)
            throw error
        }
        try remove(id, control)
        if !isWhole { throw ExitCode(3) }
    }

    /// Plugs the vifs in and serves them until a signal; false when a backend broke a rule.
    private func serve(
        _ id: DomainID, _ control: borrowing MachineControl, _ signals: Int32
    ) throws -> Bool {
        let backendID = try machine.domain(backend, control)
        let sockets = MachineSockets(of: id, in: machine.directory)
        let namespace = try NamespaceOfGuest(netns ?? name)
        var loop = try GuestLoop(
            name: name, domain: try GuestDomain(socket: sockets.hypervisor),
            store: try LibXenStore(socketPath: sockets.store), signals: signals)
        var options = FrontendOptions()
        options.closesBeforeConnecting = closesFirst
        options.splitsEventChannels = !singleChannel
        for (device, vif) in vifs.enumerated() {
            let name = VifID(domain: id, device: UInt32(device))
            var toolstack = try machine.toolstack()
            try toolstack.attachVif(
                VifAttachment(
                    vif: name, backend: backendID, mac: vif.mac, bridge: vif.bridge, mtu: vif.mtu))
            let tap = try namespace.makeTap("eth\(device)", vif)
            try loop.add(device: UInt32(device), tap: tap, options: options)
        }
        let isWhole = try loop.run(readyDescriptor: readyDescriptor)
        return isWhole
    }

    private func remove(_ id: DomainID, _ control: borrowing MachineControl) throws {
        var toolstack = try machine.toolstack()
        try toolstack.forget(id, timeoutMilliseconds: 10_000)
        try control.destroyDomain(id)
    }

    private func stopDescriptor() throws -> Int32 {
        var signals = sigset_t()
        // SAFETY: a local variable, for the length of each call.
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe sigaddset(&signals, SIGINT)
        unsafe sigprocmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)
        let descriptor = unsafe signalfd(-1, &signals, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard descriptor >= 0 else { throw PlatformError("signalfd", errno: errno) }
        return descriptor
    }
}

/// `mac=00:16:3e:00:00:01,bridge=xenbr0,mtu=1500,ip=10.0.0.2/24`.
struct VifArgument: ExpressibleByArgument {
    var mac = MACAddress(rawValue: 0)
    var bridge = "xenbr0"
    var mtu: Int?
    var addresses: [String] = []

    init?(argument: String) {
        for part in argument.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else { return nil }
            switch pair[0] {
            case "mac":
                guard let address = MACAddress(pair[1]) else { return nil }
                mac = address
            case "bridge": bridge = pair[1]
            case "mtu":
                guard let number = Int(pair[1]), (68...65521).contains(number) else { return nil }
                mtu = number
            case "ip": addresses.append(pair[1])
            default: return nil
            }
        }
        guard mac.rawValue != 0 else { return nil }
    }
}

/// The guest's network namespace; one that we made goes with us.
struct NamespaceOfGuest: ~Copyable {
    private let name: String
    private let isOurs: Bool
    private let namespace: NetworkNamespace

    init(_ name: String) throws(HostNetworkError) {
        self.name = name
        if let found = try? NetworkNamespace.named(name) {
            namespace = found
            isOurs = false
            return
        }
        let made = try NetworkNamespace.fresh()
        try made.bind(as: name)
        try made.within { () throws(HostNetworkError) in try NetlinkSession().bringUp("lo") }
        namespace = made
        isOurs = true
    }

    deinit { if isOurs { try? NetworkNamespace.delete(named: name) } }

    /// A TAP in the namespace, with the vif's address, as the guest sees its interface.
    func makeTap(_ interface: String, _ vif: VifArgument) throws(HostNetworkError) -> TapDevice {
        try namespace.within { () throws(HostNetworkError) -> TapDevice in
            let session = try NetlinkSession()
            var configuration = TapConfiguration(name: interface)
            configuration.mac = vif.mac
            configuration.mtu = UInt32(vif.mtu ?? 1500)
            configuration.generatesAddresses = true
            let tap = try TapDevice(creating: configuration, with: session)
            for address in vif.addresses { try session.addAddress(address, to: interface) }
            return tap
        }
    }
}
