// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
public import Platform

/// What the kernel has counted.
extension TapDevice {
    /// Reads of one look at most. The kernel gives whole lines, some thirty links in one read.
    private static var readsMax: Int { 256 }
    /// Looks at most: a link is missed when another goes away between two reads.
    private static var looksMax: Int { 3 }

    /// Asks the kernel for the link's name beforehand, so that `traffic` need not: `TUNGETIFF`
    /// waits for whoever configures any link (it takes the kernel's RTNL). A link that is renamed
    /// later is not found under its old name.
    public mutating func learnName() {
        name = kernelName() ?? name
    }

    /// The counters of the link, over all its queues, since it was made; nil where it is not in
    /// the calling thread's network namespace, which must have no other link of its name, or where
    /// /proc is not there. After `learnName` it waits for nobody: it reads
    /// /proc/thread-self/net/dev, which the kernel writes under RCU.
    ///
    /// The kernel counts a frame once, unsegmented or not, and a VLAN tag with its frame's bytes,
    /// as it is read with them. A frame that a read cut short counts in full; one that the kernel
    /// lost within a read, for want of a vnet header, counts for nothing. What XDP programs take
    /// or redirect is counted otherwise.
    public func traffic() -> PortTraffic? {
        guard let name = name[0] == 0 ? kernelName() : name else { return nil }
        for _ in 0..<TapDevice.looksMax {
            if let traffic = TapDevice.look(for: name) { return traffic }
        }
        return nil
    }

    private func kernelName() -> [16 of UInt8]? {
        var name: [16 of UInt8] = .init(repeating: 0)
        // SAFETY: the array has IFNAMSIZ bytes, as many as the call writes.
        let result = unsafe withUnsafeMutableBytes(of: &name) {
            unsafe clinux_tun_get_name(
                descriptor, $0.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        return result == 0 ? name : nil
    }

    private static func look(for name: [16 of UInt8]) -> PortTraffic? {
        let file = unsafe open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { _ = Glibc.close(file) }
        var counters = InterfaceCounters(of: name)
        var buffer: [4096 of UInt8] = .init(repeating: 0)
        for _ in 0..<readsMax {
            // SAFETY: at most as many bytes are written as the array has.
            let count = unsafe withUnsafeMutableBytes(of: &buffer) {
                unsafe read(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            for position in 0..<count { counters.take(buffer[position]) }
            guard !counters.isFound else {
                return PortTraffic(
                    framesTaken: UInt32(truncatingIfNeeded: counters.receivedPackets),
                    framesGiven: UInt32(truncatingIfNeeded: counters.transmittedPackets),
                    bytesGiven: UInt32(truncatingIfNeeded: counters.transmittedBytes))
            }
        }
        return nil
    }
}
