// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Platform

/// The packet socket of a capture, without the mapping of its ring.
///
/// SAFETY: every option is read or written at its own size, in a value that outlives the call.
struct PacketCaptureSocket: ~Copyable {
    static let operation = "capture"

    let descriptor: Int32
    let interface: String

    /// Opens a socket that gets nothing yet: protocol 0.
    init(for interface: String) throws(HostNetworkError) {
        let kind = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
        let opened = socket(AF_PACKET, kind, 0)
        guard opened >= 0 else {
            let error = Glibc.errno
            let explanation: String? =
                switch error {
                case EPERM, EACCES: "needs CAP_NET_RAW: run as root"
                case EAFNOSUPPORT:
                    "this kernel has no packet sockets: load the module `af_packet`"
                default: nil
                }
            throw HostNetworkError(
                PacketCaptureSocket.operation, on: interface, errno: error,
                explanation: explanation)
        }
        descriptor = opened
        self.interface = interface
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Asks for a TPACKET_V3 ring whose frames have vnet headers and at most `snapLength` bytes. A
    /// block that holds anything is handed over `delay` milliseconds after it was begun.
    func setRing(
        blockSize: Int, blockCount: Int, snapLength: Int, delay: Int32
    ) throws(HostNetworkError) {
        var version = Int32(TPACKET_V3.rawValue)
        try set(PACKET_VERSION, to: &version, "PACKET_VERSION")
        // Both are refused once there is a ring.
        var hasHeader: Int32 = 1
        try set(PACKET_VNET_HDR, to: &hasHeader, "PACKET_VNET_HDR")
        try setSnapLength(UInt32(snapLength))
        var request = tpacket_req3()
        request.tp_block_size = UInt32(blockSize)
        request.tp_block_nr = UInt32(blockCount)
        // Says nothing in version 3, where frames are as long as they are, but is checked.
        request.tp_frame_size = UInt32(PacketCaptureSocket.frameSize)
        request.tp_frame_nr = UInt32(blockSize / PacketCaptureSocket.frameSize * blockCount)
        request.tp_retire_blk_tov = UInt32(delay)
        try set(
            PACKET_RX_RING, to: &request, "PACKET_RX_RING",
            remedy: "the kernel gives no buffer of \(blockSize * blockCount) bytes: ask for less")
    }

    private static let frameSize = 2048

    /// The only way to cut frames of a version 3 ring is a filter's verdict.
    private func setSnapLength(_ length: UInt32) throws(HostNetworkError) {
        var verdict = sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: length)
        let result = unsafe withUnsafeMutablePointer(to: &verdict) { pointer in
            var program = unsafe sock_fprog(len: 1, filter: pointer)
            return unsafe setsockopt(
                descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                socklen_t(MemoryLayout<sock_fprog>.size))
        }
        guard result == 0 else { throw refused("SO_ATTACH_FILTER") }
    }

    /// Gets every frame of the interface from now on, and of no other.
    func bind() throws(HostNetworkError) {
        let index = unsafe if_nametoindex(interface)
        guard index > 0 else { throw noInterface(Glibc.errno) }
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_protocol = UInt16(ETH_P_ALL).bigEndian
        address.sll_ifindex = Int32(index)
        let size = socklen_t(MemoryLayout<sockaddr_ll>.size)
        // SAFETY: a sockaddr_ll is passed where the C interface asks for its common prefix.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.bind(descriptor, $0, size)
            }
        }
        guard result == 0 else { throw noInterface(Glibc.errno) }
        // ENETDOWN of an interface that is not up yet, which is no reason not to wait for it.
        _ = takeError()
    }

    private func noInterface(_ error: Int32) -> HostNetworkError {
        HostNetworkError(
            PacketCaptureSocket.operation, on: interface, errno: error,
            explanation: error == ENODEV || error == ENXIO
                ? "there is no such interface in this network namespace: `ip link` lists them"
                : nil)
    }

    /// What went wrong since the last call, as an errno; 0 for nothing.
    func takeError() -> Int32 {
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 else {
            return Glibc.errno
        }
        return error
    }

    /// Frames that passed and that were dropped since the last call.
    func takeStatistics() throws(HostNetworkError) -> tpacket_stats_v3 {
        var statistics = tpacket_stats_v3()
        var size = socklen_t(MemoryLayout<tpacket_stats_v3>.size)
        guard
            unsafe getsockopt(descriptor, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0
        else { throw refused("PACKET_STATISTICS") }
        return statistics
    }

    private func set<Value: BitwiseCopyable>(
        _ option: Int32, to value: inout Value, _ name: String, remedy: String? = nil
    ) throws(HostNetworkError) {
        let size = socklen_t(MemoryLayout<Value>.size)
        guard unsafe setsockopt(descriptor, SOL_PACKET, option, &value, size) == 0 else {
            throw refused(name, remedy)
        }
    }

    private func refused(_ option: String, _ remedy: String? = nil) -> HostNetworkError {
        let error = Glibc.errno
        return HostNetworkError(
            PacketCaptureSocket.operation, on: interface, errno: error,
            explanation: remedy ?? "this kernel refused \(option): it needs Linux 4.6 or newer")
    }
}
