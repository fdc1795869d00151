// SPDX-License-Identifier: Apache-2.0
import CLinux
import EmulatedPlatform
import Glibc
import HostNetwork
import Platform
import StoreClient

/// The one thread of an emulated guest: waits for its store, its event channels, its TAPs and
/// signals, then gives every vif a bounded step.
struct GuestLoop: ~Copyable {
    /// An orderly close that takes longer is given up.
    private static var closeMilliseconds: Int32 { 10_000 }

    private let name: String
    private var domain: GuestDomain
    private var store: LibXenStore
    private let signals: Int32
    private var vifs = Slab<GuestVif>()
    private var isClosing = false

    init(
        name: String, domain: consuming GuestDomain, store: consuming LibXenStore, signals: Int32
    ) throws(PlatformError) {
        self.name = name
        self.domain = domain
        self.store = store
        self.signals = signals
    }

    /// Adds a vif that the toolstack has plugged in, and begins its life.
    mutating func add(
        device: UInt32, tap: consuming TapDevice, options: FrontendOptions
    ) throws(PlatformError) {
        let front = NetFront(
            directory: "/local/domain/\(domain.domain)/device/vif/\(device)", options: options)
        // SAFETY: the guest's pages stay mapped while `domain` lives, as long as the vifs.
        let arena = unsafe PageArena(over: domain.address(ofPage: 0), pageCount: domain.pageCount)
        // References below 8 are reserved, as on Xen.
        let number = vifs.insert(
            GuestVif(
                device: device, front: front, tap: tap, arena: arena,
                firstPage: 64 + Int(device) * NetFrontQueue.pageCount,
                firstGrant: 8 + device * UInt32(NetFrontQueue.grantCount)))
        try vifs[number].start(&store)
        _ = try vifs[number].step(&store, &domain)
    }

    /// Serves until a signal, then closes every vif; false when a backend broke a rule.
    mutating func run(readyDescriptor: Int32?) throws(PlatformError) -> Bool {
        var unreadyDescriptor = readyDescriptor
        var patience = Self.closeMilliseconds
        while !(isClosing && isClosed) {
            let timeout: Int32 = isReady ? 0 : (isClosing ? 100 : -1)
            try wait(timeout)
            if isClosing && timeout > 0 {
                patience -= timeout
                if patience <= 0 { break }
            }
            for number in 0..<vifs.capacity where vifs.isOccupied(number) && vifs[number].isReady {
                try vifs[number].serve(&domain)
            }
            if let descriptor = unreadyDescriptor, isConnected {
                _ = unsafe write(descriptor, "\n", 1)
                close(descriptor)
                unreadyDescriptor = nil
            }
        }
        return try report()
    }

    private var isReady: Bool { any { $0.isReady } }
    private var isClosed: Bool { !any { $0.front.phase != .closed } }
    private var isConnected: Bool { !any { $0.front.phase != .connected } }

    private func any(_ condition: (borrowing GuestVif) -> Bool) -> Bool {
        for number in 0..<vifs.capacity where vifs.isOccupied(number) {
            if condition(vifs[number]) { return true }
        }
        return false
    }

    private mutating func wait(_ timeout: Int32) throws(PlatformError) {
        var watched = [
            pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
            pollfd(fd: store.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: domain.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        // A TAP that is known to be readable is not asked about again.
        for number in 0..<vifs.capacity where vifs.isOccupied(number) {
            let descriptor = vifs[number].isTapReadable ? -1 : vifs[number].descriptor
            watched.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
        }
        guard unsafe poll(&watched, nfds_t(watched.count), timeout) >= 0 || errno == EINTR else {
            throw PlatformError("poll", errno: errno)
        }
        if watched[0].revents != 0 { try beginClose() }
        if watched[1].revents != 0 { try takeStoreEvents() }
        if watched[2].revents != 0 { try takeEvents() }
        var position = 3
        for number in 0..<vifs.capacity where vifs.isOccupied(number) {
            if watched[position].revents != 0 { vifs[number].isTapReadable = true }
            position += 1
        }
    }

    private mutating func beginClose() throws(PlatformError) {
        var information = signalfd_siginfo()
        _ = unsafe read(signals, &information, MemoryLayout<signalfd_siginfo>.size)
        guard !isClosing else { return }
        isClosing = true
        for number in 0..<vifs.capacity where vifs.isOccupied(number) {
            try vifs[number].close(&store)
        }
    }

    private mutating func takeStoreEvents() throws(PlatformError) {
        while try store.nextWatchEvent() != nil {}
        for number in 0..<vifs.capacity where vifs.isOccupied(number) {
            while try vifs[number].step(&store, &domain) {}
        }
    }

    private mutating func takeEvents() throws(PlatformError) {
        while let port = try domain.nextPending() {
            for number in 0..<vifs.capacity
            where vifs.isOccupied(number) && vifs[number].owns(port) {
                vifs[number].hasEvent = true
            }
            try domain.unmask(port)
        }
    }

    /// Prints one line for each vif; true when no rule that kills a vif was broken.
    private mutating func report() throws(PlatformError) -> Bool {
        var isWhole = true
        for number in 0..<vifs.capacity where vifs.isOccupied(number) {
            try vifs[number].closeQueue(&domain)
            let counters = vifs[number].counters
            if counters.brokenRule != nil || counters.grantsStillMapped > 0 { isWhole = false }
            print(
                "vif=vif\(domain.domain).\(vifs[number].device)", "guest=\(name)",
                "tx_packets=\(counters.transmitPackets)",
                "tx_answered=\(counters.transmitAnswered)",
                "tx_refused=\(counters.transmitRefused)", "rx_packets=\(counters.receivePackets)",
                "rx_dropped=\(counters.receiveDropped)", "rx_refused=\(counters.receiveRefused)",
                "incompatible=\(counters.incompatible)",
                "grants_still_mapped=\(counters.grantsStillMapped)",
                "broken=\(counters.brokenRule ?? "no")")
        }
        fflush(nil)
        return isWhole
    }
}
