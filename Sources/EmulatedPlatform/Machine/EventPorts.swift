// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Platform
internal import SharedMemory

/// The ports of one handle between processes: an eventfd to wait on and one to raise for each,
/// and an epoll over the former. EPOLLONESHOT is Xen's mask: a port that was reported stays
/// silent until it is armed again, and then shows at once if it was raised meanwhile.
@safe
struct EventPorts: ~Copyable {
    private static var batchSize: Int { 16 }
    /// What epoll reports for the connection to the machine; no port has this number.
    private static var machine: UInt64 { 0 }

    private let epoll: OwnedDescriptor
    /// By port number, -1 where there is none.
    private let inbound: UnsafeMutablePointer<Int32>
    private let outbound: UnsafeMutablePointer<Int32>
    private let events: UnsafeMutablePointer<epoll_event>
    /// Ports that were reported and not yet taken: `taken..<reportedCount` of `reported`.
    private var reported: [16 of UInt32] = .init(repeating: 0)
    private var reportedCount = 0
    private var taken = 0

    /// Opens the epoll, which also watches for the end of `connection`.
    init(connection: Int32) throws(PlatformError) {
        let epoll = OwnedDescriptor(taking: epoll_create1(Int32(EPOLL_CLOEXEC)))
        guard epoll.number >= 0 else { throw PlatformError("epoll_create1", errno: errno) }
        // SAFETY: a local variable of a C type that holds no pointer here.
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLRDHUP.rawValue
        unsafe event.data.u64 = EventPorts.machine
        guard unsafe epoll_ctl(epoll.number, EPOLL_CTL_ADD, connection, &event) == 0 else {
            throw PlatformError("epoll_ctl", errno: errno)
        }
        self.epoll = epoll
        unsafe inbound = .allocate(capacity: MachineLimits.portCount)
        unsafe inbound.initialize(repeating: -1, count: MachineLimits.portCount)
        unsafe outbound = .allocate(capacity: MachineLimits.portCount)
        unsafe outbound.initialize(repeating: -1, count: MachineLimits.portCount)
        unsafe events = .allocate(capacity: EventPorts.batchSize)
        unsafe events.initialize(repeating: epoll_event(), count: EventPorts.batchSize)
    }

    // SAFETY: the three allocations are made by the initialiser and reached by numbers that
    // `isOpen` has checked, or below `batchSize`.
    deinit {
        for port in 0..<MachineLimits.portCount where unsafe inbound[port] >= 0 {
            unsafe close(inbound[port])
            unsafe close(outbound[port])
        }
        unsafe inbound.deallocate()
        unsafe outbound.deallocate()
        unsafe events.deallocate()
    }

    /// Readable while some port is pending and unmasked, or the machine is gone.
    var descriptor: Int32 { epoll.number }

    /// Takes over the eventfds of a new port, unmasked. One that is open already under its number
    /// is adopted once more, or was closed by the sibling that shared it.
    mutating func add(
        _ port: EventChannelPort, inbound: consuming OwnedDescriptor,
        outbound: consuming OwnedDescriptor
    ) throws(PlatformError) {
        guard port.rawValue > 0, port.rawValue < UInt32(MachineLimits.portCount) else {
            throw PlatformError("eventfd", errno: EPROTO)
        }
        remove(port)
        try control(EPOLL_CTL_ADD, port, inbound.number)
        unsafe self.inbound[Int(port.rawValue)] = inbound.release()
        unsafe self.outbound[Int(port.rawValue)] = outbound.release()
    }

    /// Closes the eventfds of a port and forgets that it was reported.
    mutating func remove(_ port: EventChannelPort) {
        guard isOpen(port) else { return }
        let number = Int(port.rawValue)
        // Closing does not take it out of the epoll: the machine and the peer hold it too.
        _ = unsafe epoll_ctl(epoll.number, EPOLL_CTL_DEL, inbound[number], nil)
        unsafe close(inbound[number])
        unsafe close(outbound[number])
        unsafe inbound[number] = -1
        unsafe outbound[number] = -1
        for position in taken..<reportedCount where reported[position] == port.rawValue {
            reported[position] = 0
        }
    }

    /// Raises the peer of a port, if the status words of the domain say that it is bound.
    @_noAllocation @_noLocks
    func notify(_ port: EventChannelPort, status: MappedWords) throws(PlatformError) {
        guard isOpen(port) else { throw PlatformError("EVTCHNOP_send", errno: EINVAL) }
        // acquire: pairs with the release in MachineDomain.publish.
        guard status.loadAcquire(at: Int(port.rawValue)) != 0 else { return }
        // A full eventfd is pending already.
        _ = unsafe clinux_event_raise(outbound[Int(port.rawValue)])
    }

    /// Takes a port that was reported; asks the kernel when there is none left.
    @_noAllocation @_noLocks
    mutating func nextPending() throws(PlatformError) -> EventChannelPort? {
        while true {
            while taken < reportedCount {
                let port = EventChannelPort(reported[taken])
                taken += 1
                guard isOpen(port) else { continue }
                // Nothing to take is as good as taken.
                _ = unsafe clinux_event_take(inbound[Int(port.rawValue)])
                return port
            }
            guard try fetch() else { return nil }
        }
    }

    /// Arms a port again. Corresponds to `EVTCHNOP_unmask`.
    @_noAllocation @_noLocks
    func unmask(_ port: EventChannelPort) throws(PlatformError) {
        guard isOpen(port) else { throw PlatformError("EVTCHNOP_unmask", errno: EINVAL) }
        try control(EPOLL_CTL_MOD, port, unsafe inbound[Int(port.rawValue)])
    }

    private mutating func fetch() throws(PlatformError) -> Bool {
        taken = 0
        reportedCount = 0
        // SAFETY: `events` has room for `batchSize`.
        let count = unsafe clinux_epoll_poll(
            epoll.number, events, Int32(EventPorts.batchSize))
        guard count > 0 else {
            if count < 0 && clinux_errno() != EINTR {
                throw PlatformError("epoll_wait", errno: clinux_errno())
            }
            return false
        }
        var isMachineGone = false
        for position in 0..<Int(count) {
            let data = unsafe events[position].data.u64
            if data == EventPorts.machine {
                isMachineGone = true
            } else {
                reported[reportedCount] = UInt32(truncatingIfNeeded: data)
                reportedCount += 1
            }
        }
        if isMachineGone && reportedCount == 0 {
            throw PlatformError("epoll_wait", errno: ENOTCONN)
        }
        return reportedCount > 0
    }

    private func isOpen(_ port: EventChannelPort) -> Bool {
        guard port.rawValue < UInt32(MachineLimits.portCount) else { return false }
        // SAFETY: within the allocation, as was just checked.
        return unsafe inbound[Int(port.rawValue)] >= 0
    }

    private func control(
        _ operation: Int32, _ port: EventChannelPort, _ descriptor: Int32
    ) throws(PlatformError) {
        guard clinux_epoll_once(epoll.number, operation, descriptor, UInt64(port.rawValue)) == 0
        else { throw PlatformError("epoll_ctl", errno: clinux_errno()) }
    }
}
