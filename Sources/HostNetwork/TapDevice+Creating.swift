// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Platform

/// How a TAP comes to be.
extension TapDevice {
    /// Makes a TAP in the calling thread's network namespace, down and on no bridge.
    /// `ip tuntap add NAME mode tap vnet_hdr`.
    ///
    /// With several queues, `ip tuntap add NAME mode tap vnet_hdr multi_queue`: this is the first,
    /// and `init(queueOf:)` makes the others.
    public init(
        named name: String, offload: TapOffload, hasSeveralQueues: Bool = false
    ) throws(HostNetworkError) {
        let name = try LinkName(name, for: "ip tuntap add")
        let opened = try TapDevice.openControl()
        let device = TapDevice(taking: opened)
        try TapDevice.attach(
            opened, name.text, IFF_TUN_EXCL | (hasSeveralQueues ? IFF_MULTI_QUEUE : 0))
        guard clinux_tun_set_vnet_header_size(opened, Int32(VnetHeader.size)) == 0 else {
            throw HostNetworkError(lastErrnoOf: "TUNSETVNETHDRSZ", on: name.text)
        }
        try device.setOffload(offload)
        self = device
    }

    /// Opens one more queue of a TAP that was made with several and is open. The kernel gives each
    /// flow's frames to one queue, the one through which that flow's frames came last.
    public init(queueOf name: String) throws(HostNetworkError) {
        let name = try LinkName(name, for: "ip tuntap add")
        let opened = try TapDevice.openControl()
        let device = TapDevice(taking: opened)
        try TapDevice.attach(opened, name.text, IFF_MULTI_QUEUE)
        self = device
    }

    /// Makes a TAP in the calling thread's network namespace, which must be the session's too,
    /// sets it up, enslaves it and brings it up. When a step fails nothing of it is left.
    ///
    /// `ip tuntap add`, `ip link set` with `address`, `mtu`, `txqueuelen`, `addrgenmode`,
    /// `master` and `up`, in this order.
    public init(
        creating configuration: TapConfiguration, with session: borrowing NetlinkSession
    ) throws(HostNetworkError) {
        let name = configuration.name
        let device = try TapDevice(
            named: name, offload: configuration.offload,
            hasSeveralQueues: configuration.hasSeveralQueues)
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
        self = device
    }

    /// Throws when no TAP can be made because /dev/net/tun is not there or may not be opened.
    public static func checkAvailability() throws(HostNetworkError) {
        _ = Glibc.close(try openControl())
    }

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

    private static func attach(
        _ descriptor: Int32, _ name: String, _ flags: Int32
    ) throws(HostNetworkError) {
        var buffer = [CChar](repeating: 0, count: Int(IFNAMSIZ))
        for (position, byte) in name.utf8.enumerated() {
            buffer[position] = CChar(bitPattern: byte)
        }
        // SAFETY: the call reads and writes exactly IFNAMSIZ bytes, which is what `buffer` has.
        let result = unsafe clinux_tun_set_tap(descriptor, &buffer, flags)
        guard result != 0 else { return }
        let error = Glibc.errno
        throw HostNetworkError(
            "ip tuntap add", on: name, errno: error,
            explanation: error == EBUSY
                ? "a link of this name exists already: choose another name or delete it first"
                : nil)
    }
}
