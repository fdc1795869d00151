// SPDX-License-Identifier: Apache-2.0
import EmulatedPlatform
import Glibc
import Platform
import Ring
import SharedMemory
import StoreClient
import TestSupport
import Testing

/// `emuxen machine` with a driver domain 1 and a guest 2, in a directory of its own.
private struct RunningMachine: ~Copyable {
    static let programs =
        "/"
        + "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
        + "/.build/debug"
    let directory: String
    private let child: ChildProcess

    init() throws {
        var template = Array("/tmp/ringctl-XXXXXX".utf8CString)
        try #require(unsafe mkdtemp(&template) != nil)
        let directory = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let child = try ChildProcess(
            ["\(Self.programs)/emuxen", "machine", "--dir", directory]
                + ["--domain", "net:4", "--domain", "web:4"])
        self.directory = directory
        self.child = child
        while (try? MachineControl(directory: directory).domains().count) != 3 { usleep(10_000) }
    }

    consuming func stop() throws {
        let directory = directory
        kill(child.pid, SIGTERM)
        #expect(try child.wait().status == 0)
        unsafe rmdir(directory)
    }

    /// Runs ringctl as a domain.
    func ringctl(
        _ arguments: String..., as domain: UInt16 = 1
    ) throws -> (status: Int32, output: String, errors: String) {
        try ChildProcess.run(
            ["\(Self.programs)/ringctl"] + arguments
                + ["--hypervisor", "emulated:\(directory)/dom\(domain)"])
    }
}

@Suite("ringctl", .timeLimit(.minutes(10)))
struct InspectionTests {
    private let vif = VifID(domain: DomainID(2), device: 0)

    /// Plugs a vif in and writes the frontend's nodes as the guest.
    private func attach(
        to machine: borrowing RunningMachine, _ nodes: [(String, String)]
    ) throws {
        let control = MachineSockets(of: .control, in: machine.directory)
        var toolstack = Toolstack(try LibXenStore(socketPath: control.store))
        let attachment = VifAttachment(
            vif: vif, backend: DomainID(1), mac: MACAddress(rawValue: 0x0016_3E00_0001),
            bridge: "br0")
        try toolstack.attachVif(attachment)
        let sockets = MachineSockets(of: vif.domain, in: machine.directory)
        var store = try LibXenStore(socketPath: sockets.store)
        for (key, value) in nodes { try store.write("\(attachment.frontendPath)/\(key)", value) }
    }

    /// The table without the columns of rates and of who serves, for which there is nothing here.
    private static func shortened(_ output: String) -> String {
        let none = [
            "TX/S  RX/S  WAIT  FREE  ", "~0    ~0    0     0     ", "SERVED BY  ", "-          ",
        ]
        return none.reduce(output) { text, part in
            text.split(separator: part, omittingEmptySubsequences: false).joined()
        }
    }

    @Test("a vif is listed with what both ends wrote, whatever that is")
    func list() throws {
        let machine = try RunningMachine()
        let heading =
            "VIF  GUEST  BACKEND  FRONTEND  BRIDGE  QUEUES  TX/S  RX/S  WAIT  FREE  HEALTH  "
            + "SERVED BY  ERROR\n"
        let empty = try machine.ringctl("list").output
        #expect(empty == heading)
        try attach(to: machine, [("state", "\u{1B}[2J"), ("multi-queue-num-queues", "7")])
        var store = try LibXenStore(
            socketPath: MachineSockets(of: DomainID(1), in: machine.directory).store)
        try store.write("error/backend/vif/2/0/error", "no bridge")
        let result = try machine.ringctl("list")
        #expect(result.status == 0)
        #expect(
            Self.shortened(result.output) == """
                VIF     GUEST  BACKEND       FRONTEND   BRIDGE  QUEUES  HEALTH  ERROR
                vif2.0  -      Initialising  \\u{1b}[2J  br0     7       -       no bridge

                """)
        try machine.stop()
    }

    @Test("rings are shown whatever a guest writes into them, and stay as they are")
    func hostileRings() throws {
        let machine = try RunningMachine()
        try attach(to: machine, [("tx-ring-ref", "8"), ("rx-ring-ref", "9")])
        let guest = try GuestDomain(
            socket: MachineSockets(of: vif.domain, in: machine.directory).hypervisor)
        guest.grant(GrantReference(8), page: 1, to: DomainID(1), readOnly: false)
        guest.grant(GrantReference(9), page: 2, to: DomainID(1), readOnly: false)
        for seed in UInt64(1)...8 {
            var random = SplitMix64(seed: seed)
            var before: [UInt32] = []
            for page in 1...2 {
                for word in 0..<RingLayout.pageWordCount {
                    before.append(UInt32.random(in: 0...(.max), using: &random))
                    guest.words(ofPage: page).storeRelaxed(before[before.count - 1], at: word)
                }
            }
            let result = try machine.ringctl("dump", "vif2.0", "--slots")
            #expect(result.status == 0, "seed \(seed): \(result.errors)")
            #expect(result.output.contains("Tx: tx-ring-ref=8\n"), "seed \(seed)")
            #expect(result.output.contains("IMPLAUSIBLE"), "seed \(seed)")
            let after = (0..<2 * RingLayout.pageWordCount).map { word in
                guest.words(ofPage: 1 + word / RingLayout.pageWordCount)
                    .loadRelaxed(at: word % RingLayout.pageWordCount)
            }
            #expect(after == before, "seed \(seed)")
        }
        // Nothing of the guest's stays mapped.
        let areFree = [8, 9].map { guest.endAccess(GrantReference($0)) }
        #expect(areFree == [true, true])
        try machine.stop()
    }

    @Test("what is missing is said in a sentence, with the exit code 1")
    func missing() throws {
        let machine = try RunningMachine()
        let unknown = try machine.ringctl("dump", "vif2.0")
        #expect(unknown.status == 1)
        #expect(unknown.errors.contains("this domain serves no vif2.0: `ringctl list`"))
        try attach(
            to: machine, [("tx-ring-ref", "-8"), ("multi-queue-num-queues", "4294967295")])
        let many = try machine.ringctl("dump", "vif2.0")
        #expect(many.status == 1)
        #expect(many.output.contains("vif2.0 queue 63\n"))
        #expect(!many.output.contains("vif2.0 queue 64\n"))
        #expect(many.output.contains("Tx: the frontend wrote no tx-ring-ref"))
        try machine.stop()
    }

    @Test("a reference that is no number or no grant is shown as what it is")
    func wrongReferences() throws {
        let machine = try RunningMachine()
        try attach(to: machine, [("tx-ring-ref", "-8"), ("rx-ring-ref", "9")])
        let result = try machine.ringctl("dump", "2.0")
        #expect(result.status == 1)
        #expect(result.output.contains("Tx: tx-ring-ref=-8 is not a grant reference"))
        #expect(result.output.contains("Rx: rx-ring-ref=9 cannot be mapped"))
        #expect(result.errors.contains("not every ring of vif2.0 could be shown"))
        // The backend's nodes are the driver domain's alone.
        let foreign = try machine.ringctl("dump", "2.0", as: 0)
        #expect(foreign.status == 1)
        try machine.stop()
    }

    @Test("a wrong command line ends with 64, a machine that is not there with 1")
    func exitCodes() throws {
        let program = "\(RunningMachine.programs)/ringctl"
        #expect(try ChildProcess.run([program, "dump"]).status == 64)
        #expect(try ChildProcess.run([program, "dump", "eth0"]).status == 64)
        #expect(try ChildProcess.run([program, "list", "--hypervisor", "kvm"]).status == 64)
        let absent = try ChildProcess.run(
            [program, "list", "--hypervisor", "emulated:/nonexistent/dom1"])
        #expect(absent.status == 1)
        #expect(absent.errors.contains("start one with `emuxen machine`"))
    }
}
