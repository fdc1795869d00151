// SPDX-License-Identifier: Apache-2.0
import CLinux
import DriverDomain
import Glibc
import HostNetwork
import Platform

/// A guest of a scenario: its name is also its network namespace's.
struct ScenarioGuest {
    var name: String
    var mac: String
    var address: String
    /// Vifs beside the first one, connected and idle.
    var idleVifs = 0

    /// What `emuxen guest` is told of its vifs.
    fileprivate var vifArguments: [String] {
        var vifs = ["--vif", "mac=\(mac),bridge=\(Scenario.bridge),ip=\(address)/24"]
        // The last byte of the MAC address counts on, and the one before it says that it is idle.
        for number in 0..<idleVifs {
            let bytes = String(number, radix: 16)
            vifs += ["--vif", "mac=\(mac.dropLast(5))ff:\(bytes),bridge=\(Scenario.bridge)"]
        }
        return vifs
    }
}

/// An emulated machine, a driver domain and guests, all as processes inside of the sandbox.
struct Scenario: ~Copyable {
    static var bridge: String { "xenbr0" }
    static var hostAddress: String { "10.77.0.1" }
    static var machineDirectory: String { Sandbox.directory + "/machine" }

    let signals: SignalQueue
    /// The backend's process.
    let backendPID: Int32
    /// The emulated machine's.
    let machinePID: Int32
    private var machine: Child?
    private var backend: Child?
    private var guestChildren = ChildList()

    /// Starts machine and backend and gives the bridge an address.
    ///
    /// - Parameters:
    ///   - subcommand: what `netbackd` is to do: `run` or `pair`, with its own flags.
    ///   - pages: how much memory the driver domain has.
    /// - Throws: `Complaint` when something did not start.
    init(backend subcommand: [String] = ["run"], pages: Int = 16) throws {
        let signals = try SignalQueue([SIGINT, SIGTERM, SIGHUP])
        try NetlinkSession().bringUp("lo")
        let machine = try Self.startReady(
            [Sandbox.sibling("emuxen"), "machine", "--dir", Self.machineDirectory]
                + ["--domain", "netdd:\(pages)", "--store-nodes", "8000"], log: "machine",
            signals: signals)
        let backend = try Self.startReady(
            [Sandbox.sibling("netbackd")] + subcommand
                + ["--bridge", Self.bridge, "--create-bridge"]
                + ["--hypervisor", "emulated:\(Self.machineDirectory)/dom1"],
            log: "netbackd", signals: signals)
        try NetlinkSession().addAddress("\(Self.hostAddress)/24", to: Self.bridge)
        self.signals = signals
        backendPID = backend.pid
        machinePID = machine.pid
        self.machine = consume machine
        self.backend = consume backend
    }

    /// Plugs a guest in and waits until its vif is connected. With a real-time `priority` it does
    /// not wait for a processor with what runs in the driver domain, as it does not under Xen.
    mutating func start(_ guest: ScenarioGuest, priority: Int32? = nil) throws {
        let child = try Self.startReady(
            [Sandbox.sibling("emuxen"), "guest", "--dir", Self.machineDirectory]
                + ["--name", guest.name, "--backend", "netdd"] + guest.vifArguments,
            log: guest.name, signals: signals)
        if let priority { _ = clinux_set_fifo(child.pid, priority) }
        guestChildren.append(child, named: guest.name)
    }

    /// Unplugs a guest in an orderly way; false when its frontend saw a rule broken.
    mutating func stop(_ name: String) -> Bool {
        guard let child = guestChildren.remove(name) else { return false }
        return child.stop() == 0
    }

    /// Kills a guest, which then says no word to anybody, and has the toolstack clean up.
    mutating func kill(_ name: String) throws {
        guard let child = guestChildren.remove(name) else { return }
        child.send(SIGKILL)
        _ = child.stop()
        let exit = try run(
            [Sandbox.sibling("emuxen"), "destroy", "--dir", Self.machineDirectory, name])
        if exit.code != 0 { throw Complaint("destroy of \(name): \(exit.output)", remedy: nil) }
    }

    /// Runs a program to its end on the host's side.
    func run(_ arguments: [String], seconds: Int32 = 60) throws -> Child.Exit {
        try Child.run(arguments, seconds: seconds, signals: signals)
    }

    /// Runs a program to its end in a guest.
    func run(in guest: String, _ arguments: [String], seconds: Int32 = 60) throws -> Child.Exit {
        try run(["ip", "netns", "exec", guest] + arguments, seconds: seconds)
    }

    /// Starts a program that goes on, in a guest or (nil) on the host's side.
    func start(in guest: String?, _ arguments: [String], log: String) throws -> Child {
        let prefix = guest.map { ["ip", "netns", "exec", $0] } ?? []
        return try Child(prefix + arguments, output: .file("\(Sandbox.directory)/\(log).log"))
    }

    /// The value of a node of the store, read as dom0 with Xen's own tool.
    func read(_ path: String) throws -> String {
        let exit = try run([
            "env", "XENSTORED_PATH=\(Self.machineDirectory)/dom0/xenstored.sock",
            "xenstore-read", path,
        ])
        return exit.code == 0 ? exit.output.trimmed : ""
    }

    /// Stops everything in the order in which a machine goes down; returns what went wrong.
    mutating func stopAll() -> [String] {
        var complaints: [String] = []
        for name in guestChildren.names where !stop(name) {
            complaints.append("guest \(name): \(Self.lastLine(of: name))")
        }
        if let backend = backend.take(), backend.stop() != 0 {
            complaints.append("netbackd: \(Self.lastLine(of: "netbackd"))")
        }
        if let machine = machine.take(), machine.stop() != 0 {
            complaints.append("emuxen machine: \(Self.lastLine(of: "machine"))")
        }
        return complaints
    }

    /// What a child has logged.
    static func log(of name: String) -> String {
        let descriptor = unsafe open("\(Sandbox.directory)/\(name).log", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += bytes.prefix(count)
        }
    }

    /// The last line that a child has logged.
    static func lastLine(of name: String) -> String {
        log(of: name).split(separator: "\n").last.map(String.init) ?? "(no output)"
    }

    /// Starts a child that says when it is ready, and waits for that.
    private static func startReady(
        _ arguments: [String], log: String, signals: borrowing SignalQueue
    ) throws -> Child {
        var ends: [Int32] = [-1, -1]
        guard unsafe clinux_pipe(&ends) == 0 else {
            throw Complaint("no pipe for \(log): errno \(errno)", remedy: nil)
        }
        defer { close(ends[0]) }
        let child: Child
        do {
            child = try Child(
                arguments + ["--ready-fd", "\(ends[1])"],
                output: .file("\(Sandbox.directory)/\(log).log"), inherited: [ends[1]])
        } catch {
            close(ends[1])
            throw error
        }
        close(ends[1])
        var watched = [
            pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        _ = unsafe poll(&watched, 2, 20_000)
        if watched[1].revents != 0, signals.next() != nil { throw Interrupted() }
        var byte: UInt8 = 0
        guard watched[0].revents != 0, unsafe Glibc.read(ends[0], &byte, 1) == 1 else {
            throw Complaint("\(log) did not start: \(lastLine(of: log))", remedy: nil)
        }
        return child
    }
}

/// Children by name: an array cannot hold what cannot be copied.
struct ChildList: ~Copyable {
    private var children = Slab<Child>()
    private var numbers: [String: Int] = [:]

    var names: [String] { numbers.keys.sorted() }

    mutating func append(_ child: consuming Child, named name: String) {
        numbers[name] = children.insert(child)
    }

    mutating func remove(_ name: String) -> Child? {
        guard let number = numbers.removeValue(forKey: name) else { return nil }
        return children.remove(number)
    }
}

extension String {
    /// Without white space at either end.
    var trimmed: String {
        var text = Substring(self)
        while let last = text.last, last.isWhitespace { text.removeLast() }
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return String(text)
    }
}
