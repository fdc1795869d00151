// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import Platform
import StoreClient
import TestSupport
import Testing

/// Compiles only while the packet path of the hypervisor neither allocates nor locks, as seen from
/// another module.
@_noAllocation @_noLocks
private func packetPath(
    _ hypervisor: inout EmulatedHypervisor, _ batch: inout GrantCopyBatch,
    _ arena: borrowing PageArena
) throws(PlatformError) {
    while let port = try hypervisor.nextPending() {
        try hypervisor.copy(&batch, .fromGuest, arena: arena)
        try hypervisor.copy(&batch, .toGuest, arena: arena)
        try hypervisor.notify(port)
        try hypervisor.unmask(port)
    }
}

@Suite("The machine as a process", .timeLimit(.minutes(10)))
struct MachineServerTests {
    @Test("the packet path serves an event without allocating")
    func packetPathServes() throws {
        let machine = try MachineThread()
        let control = try MachineControl(directory: machine.directory)
        let id = try control.createDomain(name: "guest", pageCount: 4)
        var guest = try GuestDomain(socket: machine.hypervisor(id))
        var hypervisor = try EmulatedHypervisor(socket: machine.hypervisor(.control))
        guest.grant(GrantReference(8), page: 1, to: .control, readOnly: false)
        let guestPort = try guest.allocateUnbound(for: .control)
        let ring = try hypervisor.map(GrantReference(8), of: id)
        let port = try hypervisor.bindInterdomain(guestPort, of: id)
        var batch = GrantCopyBatch(capacity: 4)
        batch.append(
            GrantCopyOperation(
                domain: id, reference: GrantReference(8), pageOffset: 0, count: 64,
                arenaOffset: 0))
        let arena = PageArena(pageCount: 1)
        try packetPath(&hypervisor, &batch, arena)
        #expect(batch[0].status == 0)
        #expect(try guest.nextPending() == guestPort)
        try hypervisor.unmap(ring)
        try hypervisor.unbind(port)
    }

    @Test("the descriptor is readable exactly while a port is pending and unmasked")
    func descriptor() throws {
        let machine = try MachineThread()
        var guest = try GuestDomain(socket: machine.hypervisor(.control))
        var hypervisor = try EmulatedHypervisor(socket: machine.hypervisor(.control))
        func isReadable(_ descriptor: Int32) -> Bool {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            return unsafe poll(&waiting, 1, 0) == 1
        }
        let guestPort = try guest.allocateUnbound(for: .control)
        #expect(!isReadable(hypervisor.descriptor))
        let port = try hypervisor.bindInterdomain(guestPort, of: .control)
        #expect(isReadable(hypervisor.descriptor))
        #expect(try hypervisor.nextPending() == port)
        try guest.notify(guestPort)
        #expect(!isReadable(hypervisor.descriptor))
        try hypervisor.unmask(port)
        #expect(isReadable(hypervisor.descriptor))
    }

    @Test("whoever outlives the machine is told")
    func machineDies() throws {
        var machine: MachineThread? = try MachineThread()
        let path = machine?.hypervisor(.control) ?? ""
        var hypervisor = try EmulatedHypervisor(socket: path)
        machine = nil
        #expect(throws: PlatformError("epoll_wait", errno: ENOTCONN)) {
            _ = try hypervisor.nextPending()
        }
        #expect(throws: PlatformError.self) {
            _ = try hypervisor.bindInterdomain(EventChannelPort(1), of: .control)
        }
    }

    @Test("only dom0 makes, lists and ends domains")
    func onlyControl() throws {
        let machine = try MachineThread()
        let control = try MachineControl(directory: machine.directory)
        let id = try control.createDomain(name: "guest", pageCount: 4)
        for code in UInt8(8)...10 {
            let socket = try Client(path: machine.hypervisor(id))
            var request = [UInt8](repeating: 0, count: 64)
            request[0] = code
            request[4] = 1
            #expect(try socket.exchange(request) == UInt32(EPERM))
        }
        #expect(try control.domains().map(\.name) == ["Domain-0", "guest"])
    }

    @Test("names and ids are unique, and dom0 stays")
    func domainRules() throws {
        let machine = try MachineThread()
        let control = try MachineControl(directory: machine.directory)
        let id = try control.createDomain(name: "guest", pageCount: 4)
        func refused(_ errno: Int32, _ body: () throws -> Void) {
            #expect { try body() } throws: { ($0 as? PlatformError)?.errno == errno }
        }
        refused(EEXIST) { _ = try control.createDomain(name: "guest", pageCount: 4) }
        refused(EEXIST) { _ = try control.createDomain(name: "other", pageCount: 4, id: id) }
        refused(EINVAL) { _ = try control.createDomain(name: "", pageCount: 4) }
        refused(EINVAL) { _ = try control.createDomain(name: "none", pageCount: 0) }
        refused(EINVAL) { _ = try control.createDomain(name: "huge", pageCount: .max) }
        refused(EINVAL) {
            _ = try control.createDomain(name: "high", pageCount: 4, id: .firstReserved)
        }
        refused(EINVAL) { try control.destroyDomain(.control) }
        refused(ESRCH) { try control.destroyDomain(DomainID(9)) }
        try control.destroyDomain(id)
        #expect(throws: PlatformError.self) {
            _ = try EmulatedHypervisor(socket: machine.hypervisor(id))
        }
        #expect(try control.createDomain(name: "guest", pageCount: 4, id: id) == id)
    }

    @Test(
        "datagrams of every kind are answered, and hurt nobody", arguments: 0..<4 as Range<UInt64>)
    func hostileDatagrams(seed: UInt64) throws {
        let machine = try MachineThread()
        var random = SplitMix64(seed: seed)
        let client = try Client(path: machine.hypervisor(.control))
        #expect(try client.exchange([1]) == UInt32(EINVAL))
        #expect(try client.exchange([UInt8](repeating: 255, count: 64)) == UInt32(EINVAL))
        #expect(try client.exchange([UInt8](repeating: 1, count: 65)) == UInt32(EINVAL))
        #expect(try client.exchange([UInt8](repeating: 1, count: 5000)) == UInt32(EINVAL))
        for _ in 0..<500 {
            var request = [UInt8](repeating: 0, count: 64)
            for position in request.indices {
                request[position] = .random(in: 0...255, using: &random)
            }
            request.replaceSubrange(1..<4, with: [0, 0, 0])
            // All but the making and ending of domains, with values now small, now not.
            request[0] = [1, 2, 3, 4, 5, 6, 7, 10, 11, 13].randomElement(using: &random) ?? 0
            for word in 1...4 where Bool.random(using: &random) {
                request.replaceSubrange(word * 4 + 1..<word * 4 + 4, with: [0, 0, 0])
                request[word * 4] &= 3
            }
            _ = try client.exchange(request, with: [0, 1, 2].randomElement(using: &random) ?? 0)
        }
        // It still serves others.
        _ = try GuestDomain(socket: machine.hypervisor(.control))
    }

    @Test("one domain's connections do not use up the machine's")
    func connectionLimit() throws {
        let machine = try MachineThread()
        let control = try MachineControl(directory: machine.directory)
        let id = try control.createDomain(name: "guest", pageCount: 4)
        var clients: [Client] = []
        for _ in 0..<64 {
            let client = try Client(path: machine.hypervisor(id))
            #expect(try client.exchange([1]) == UInt32(EINVAL))
            clients.append(client)
        }
        let refused = try Client(path: machine.hypervisor(id))
        #expect(throws: PlatformError.self) { _ = try refused.exchange([1]) }
        #expect(try control.domains().count == 2)
        clients.removeAll()
    }

    @Test("a domain can write neither its status words nor change the size of its memory")
    func sealed() throws {
        let machine = try MachineThread()
        let client = try Client(path: machine.hypervisor(.control))
        var request = [UInt8](repeating: 0, count: 64)
        request[0] = 1
        #expect(try client.exchange(request) == 0)
        try #require(client.received.count == 3)
        for descriptor in client.received { #expect(ftruncate(descriptor, 4096) != 0) }
        let status = client.received[2]
        let mapping = unsafe mmap(
            nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, status, 0)
        #expect(unsafe mapping == MAP_FAILED)
        #expect(unsafe pwrite(status, "x", 1, 0) < 0)
    }

    @Test("a domain has a home in the store, and loses it with its life")
    func home() throws {
        let machine = try MachineThread()
        let control = try MachineControl(directory: machine.directory)
        let id = try control.createDomain(name: "guest", pageCount: 4)
        let path = MachineSockets(of: id, in: machine.directory).store
        do {
            var store = try LibXenStore(socketPath: path)
            #expect(try store.read("name") == "guest")
            #expect(try store.read("domid") == "\(id)")
            try store.write("data/mine", "1")
            #expect(throws: PlatformError.self) { try store.write("name", "other") }
            #expect(throws: PlatformError.self) { try store.write("device/vif", "") }
        }
        try control.destroyDomain(id)
        var control0 = try LibXenStore(
            socketPath: MachineSockets(of: .control, in: machine.directory).store)
        #expect(try control0.read("/local/domain/\(id)") == nil)
        #expect(try control0.read("/local/domain/0/name") == "Domain-0")
    }
}

/// A socket without any manners.
final class Client {
    private let socket: Int32
    /// Descriptors that came with the last reply.
    private(set) var received: [Int32] = []

    init(path: String) throws {
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8)
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket, $0, size)
            }
        }
        guard result == 0 else { throw PlatformError("connect", errno: errno) }
    }

    deinit {
        for descriptor in received { close(descriptor) }
        close(socket)
    }

    /// Sends bytes with descriptors that mean nothing and returns the reply's code.
    func exchange(_ bytes: [UInt8], with descriptorCount: Int = 0) throws -> UInt32 {
        let descriptors = [Int32](repeating: socket, count: descriptorCount)
        _ = unsafe clinux_send_fds(
            socket, bytes, bytes.count, descriptors, Int32(descriptorCount))
        for descriptor in received { close(descriptor) }
        var reply = [UInt8](repeating: 0, count: 64)
        var buffer = [Int32](repeating: -1, count: Int(CLINUX_FDS_MAX))
        var count: Int32 = 0
        let size = unsafe clinux_receive_fds(socket, &reply, 64, &buffer, &count)
        received = Array(buffer.prefix(Int(count)))
        guard size == 64 else { throw PlatformError("recvmsg", errno: size < 0 ? errno : 0) }
        return (0..<4).reduce(0) { $0 | UInt32(reply[$1]) << UInt32(8 * $1) }
    }
}
