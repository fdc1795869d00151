// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import CLinux
internal import Glibc
internal import HostNetwork
internal import Platform

/// The least that any userspace network driver does: one read and one write per frame.
struct CopyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Copies frames between two TAPs in two namespaces, with all offloads.",
        discussion: "Both TAPs are made, brought up, and gone once this ends.")

    @Option(help: "Name of the first network namespace.")
    var firstNamespace: String

    @Option(help: "Name of the second network namespace.")
    var secondNamespace: String

    @Option(help: "Name of the TAP in each.")
    var tap = "tap0"

    func run() throws {
        _ = clinux_set_parent_death_signal(SIGTERM)
        var first = try makeTap(in: firstNamespace)
        var second = try makeTap(in: secondNamespace)
        let arena = PageArena(pageCount: 17)
        var waiting = [
            pollfd(fd: first.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: second.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            // SAFETY: the array holds as many entries as are announced.
            guard unsafe poll(&waiting, nfds_t(waiting.count), -1) >= 0 || errno == EINTR else {
                throw PlatformError("poll", errno: errno)
            }
            if waiting[0].revents != 0 { try pass(from: &first, to: &second, through: arena) }
            if waiting[1].revents != 0 { try pass(from: &second, to: &first, through: arena) }
        }
    }

    private func makeTap(in namespace: String) throws -> TapDevice {
        try NetworkNamespace.named(namespace).within { () throws(HostNetworkError) in
            let session = try NetlinkSession()
            var configuration = TapConfiguration(name: tap)
            // Each end is a host of its own here, not a port of a bridge.
            configuration.mac = MACAddress(
                rawValue: namespace == firstNamespace ? 0x0200_0000_0001 : 0x0200_0000_0002)
            return try TapDevice(creating: configuration, with: session)
        }
    }

    /// Passes on what waits, up to a batch: then it is the other side's turn.
    private func pass(
        from source: inout TapDevice, to target: inout TapDevice,
        through arena: borrowing PageArena
    ) throws(PlatformError) {
        var header = VnetHeader()
        // The last bytes are the header's; before them is room for the largest frame.
        let capacity = arena.size - VnetHeader.size
        for _ in 0..<64 {
            let size = try source.receive(
                into: arena, at: 0, capacity: capacity, headerAt: capacity, header: &header)
            guard let size else { return }
            var fragments = FrameFragments()
            fragments.append(FrameFragment(offset: 0, count: size))
            _ = try target.transmit(fragments, header: header, from: arena)
        }
    }
}
