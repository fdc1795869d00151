// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import EmulatedPlatform
import Glibc
import Platform

struct MachineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine",
        abstract: "Run a machine until SIGTERM or SIGINT.",
        discussion: """
            Makes DIR/domN with hypervisor.sock and xenstored.sock for every domain, and removes \
            them at its end. What a machine that was killed left in DIR is removed at the start.
            """)

    @Option(name: .customLong("dir"), help: "Where the domains' sockets go; made if missing.")
    var directory = "/run/emuxen"

    @Option(
        name: .customLong("domain"),
        help: ArgumentHelp(
            "A domain to start with, and its memory in MiB. May be given several times; ids count "
                + "from 1.", valueName: "name:mib"))
    var domains: [DomainArgument] = []

    @Option(
        help: ArgumentHelp(
            "Nodes of the store that a domain may own, xenstored's --quota nodes=N.",
            discussion: "A driver domain needs about 20 for each vif: the default is enough for 48."
        ))
    var storeNodes = StoreQuota().nodesPerDomainMax

    @Option(
        name: .customLong("ready-fd"),
        help: "A descriptor that gets a newline, and is closed, once all sockets are there.")
    var readyDescriptor: Int32?

    func run() throws {
        let stop = try stopDescriptor()
        raiseDescriptorLimit()
        var server = try start()
        for domain in domains {
            try server.createDomain(name: domain.name, pageCount: domain.pageCount)
        }
        print("ready: \(directory), \(domains.count + 1) domains")
        fflush(nil)
        if let readyDescriptor {
            _ = unsafe write(readyDescriptor, "\n", 1)
            close(readyDescriptor)
        }
        try server.run(until: stop)
    }

    private func start() throws -> MachineServer {
        var quota = StoreQuota()
        quota.nodesPerDomainMax = storeNodes
        do { return try MachineServer.start(in: directory, quota: quota) } catch {
            switch error.errno {
            case EWOULDBLOCK:
                throw Failure(
                    description: "\(directory) is in use by a machine that runs; stop it, or "
                        + "choose another --dir")
            case ENAMETOOLONG:
                throw Failure(
                    description: "\(directory) is too long a path: with /dom1/hypervisor.sock "
                        + "behind it, a socket's address has room for 107 bytes")
            default: throw Failure(description: "\(directory): \(error)")
            }
        }
    }

    /// Turns SIGTERM and SIGINT into a descriptor to wait on.
    private func stopDescriptor() throws -> Int32 {
        var signals = sigset_t()
        // SAFETY: a local variable, for the length of each call.
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe sigaddset(&signals, SIGINT)
        unsafe sigprocmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)
        let descriptor = unsafe signalfd(-1, &signals, Int32(SFD_CLOEXEC))
        guard descriptor >= 0 else { throw PlatformError("signalfd", errno: errno) }
        return descriptor
    }

    /// Every event channel takes two descriptors.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        // SAFETY: a local variable, for the length of each call.
        guard unsafe getrlimit(descriptors, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(descriptors, &limit)
    }
}

/// `NAME:MiB`.
struct DomainArgument: ExpressibleByArgument {
    let name: String
    let pageCount: Int

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"), colon != argument.startIndex,
            let size = UInt16(argument[argument.index(after: colon)...]), size > 0
        else { return nil }
        name = String(argument[..<colon])
        pageCount = Int(size) * 256
    }
}
