// SPDX-License-Identifier: Apache-2.0
internal import CLinux
public import Glibc
internal import Platform

/// A TAP with a vnet header before each frame: the host's end of a vif, or an emulated guest's
/// end of its own. Never persistent: the link is gone once every descriptor of it is closed.
///
/// Used by one thread at a time; reads and writes never wait.
///
/// SAFETY: `scratch` (one vnet header) and `vectors` (it and the pieces of one frame) are
/// allocated in `init`, freed in `deinit`, and point nowhere else between two calls that matters:
/// each call fills the vectors it passes on with ranges that the arena has checked.
@safe
public struct TapDevice: ~Copyable {
    /// The open descriptor, to wait on or to hand to a sibling; it stays this device's.
    public let descriptor: Int32
    @usableFromInline let scratch: UnsafeMutableRawPointer
    @usableFromInline let vectors: UnsafeMutablePointer<iovec>

    /// Adopts a descriptor of a TAP made as this type makes them: 12-byte vnet header, no packet
    /// information, non-blocking.
    public init(taking descriptor: Int32) {
        self.descriptor = descriptor
        unsafe scratch = .allocate(byteCount: VnetHeader.size, alignment: 8)
        unsafe scratch.initializeMemory(as: UInt8.self, repeating: 0, count: VnetHeader.size)
        let count = 1 + FrameFragments.capacity
        unsafe vectors = .allocate(capacity: count)
        unsafe vectors.initialize(repeating: iovec(), count: count)
        unsafe vectors[0] = iovec(iov_base: scratch, iov_len: VnetHeader.size)
    }

    /// Makes a TAP in the calling thread's network namespace, down and on no bridge.
    /// `ip tuntap add NAME mode tap vnet_hdr`.
    public init(named name: String, offload: TapOffload) throws(HostNetworkError) {
        let name = try LinkName(name, for: "ip tuntap add")
        let opened = try TapDevice.openControl()
        self.init(taking: opened)
        try TapDevice.attach(opened, name.text)
        guard clinux_tun_set_vnet_header_size(opened, Int32(VnetHeader.size)) == 0 else {
            throw HostNetworkError(lastErrnoOf: "TUNSETVNETHDRSZ", on: name.text)
        }
        try setOffload(offload)
    }

    /// Makes a TAP in the calling thread's network namespace, which must be the session's too,
    /// sets it up, enslaves it and brings it up. When a step fails nothing of it is left.
    ///
    /// `ip tuntap add`, `ip link set` with `address`, `mtu`, `txqueuelen`, `addrgenmode`,
    /// `master` and `up`, in this order.
    public init(
        creating configuration: TapConfiguration, with session: borrowing NetlinkSession
    ) throws(HostNetworkError) {
        try self.init(named: configuration.name, offload: configuration.offload)
        let name = configuration.name
        try session.setMAC(configuration.mac, of: name)
        if let mtu = configuration.mtu {
            try session.setMTU(mtu, of: name)
        } else if let bridge = configuration.bridge {
            let mtu = try session.existingLink(named: bridge, for: "use bridge").mtu
            try session.setMTU(mtu, of: name)
        }
        try session.setTransmitQueueLength(configuration.transmitQueueLength, of: name)
        if !configuration.generatesAddresses { try session.disableAddressGeneration(of: name) }
        if let bridge = configuration.bridge { try session.enslave(name, to: bridge) }
        try session.bringUp(name)
    }

    deinit {
        _ = Glibc.close(descriptor)
        unsafe vectors.deallocate()
        unsafe scratch.deallocate()
    }

    /// Closes the descriptor; the link goes with the last one.
    public consuming func close() {}

    /// Changes what the reader is ready to finish, for frames not yet queued.
    /// Corresponds to `TUNSETOFFLOAD`.
    public func setOffload(_ offload: TapOffload) throws(HostNetworkError) {
        guard clinux_tun_set_offload(descriptor, offload.rawValue) == 0 else {
            let error = Glibc.errno
            throw HostNetworkError(
                "TUNSETOFFLOAD", on: "tap", errno: error,
                explanation: error == EINVAL
                    ? "the kernel refused this set of offloads: segmentation needs checksum" : nil)
        }
    }

    private static func openControl() throws(HostNetworkError) -> Int32 {
        let path = "/dev/net/tun"
        let opened = unsafe open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard opened < 0 else { return opened }
        let error = Glibc.errno
        let explanation: String? =
            switch error {
            case ENOENT, ENODEV, ENXIO:
                "this kernel has no TAP: load the module `tun`, or make the node with "
                    + "`mknod \(path) c 10 200`"
            case EACCES, EPERM:
                "this user may not open it: run as root, or `chmod 0666 \(path)`"
            default: nil
            }
        throw HostNetworkError("open", on: path, errno: error, explanation: explanation)
    }

    private static func attach(_ descriptor: Int32, _ name: String) throws(HostNetworkError) {
        var buffer = [CChar](repeating: 0, count: Int(IFNAMSIZ))
        for (position, byte) in name.utf8.enumerated() {
            buffer[position] = CChar(bitPattern: byte)
        }
        // SAFETY: the call reads and writes exactly IFNAMSIZ bytes, which is what `buffer` has.
        let result = unsafe clinux_tun_set_tap(descriptor, &buffer)
        guard result != 0 else { return }
        let error = Glibc.errno
        throw HostNetworkError(
            "ip tuntap add", on: name, errno: error,
            explanation: error == EBUSY
                ? "a link of this name exists already: choose another name or delete it first"
                : nil)
    }
}
