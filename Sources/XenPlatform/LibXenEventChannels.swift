// SPDX-License-Identifier: Apache-2.0
public import CXen
import Glibc
public import Platform

/// An open /dev/xen/evtchn, non-blocking.
///
/// SAFETY: `handle` comes from xenevtchn_open and is closed in deinit alone.
@safe
@usableFromInline struct LibXenEventChannels: ~Copyable {
    @usableFromInline let handle: OpaquePointer
    /// Readable when a port is pending.
    let descriptor: Int32

    init() throws(PlatformError) {
        guard let handle = unsafe xenevtchn_open(nil, 0) else {
            throw PlatformError("xenevtchn_open", errno: errno)
        }
        unsafe try self.init(handle: handle)
    }

    /// Takes over an open descriptor, which is closed even when this fails.
    init(taking descriptor: Int32) throws(PlatformError) {
        guard let handle = unsafe xenevtchn_fdopen(nil, descriptor, 0) else {
            let code = errno
            close(descriptor)
            throw PlatformError("xenevtchn_fdopen", errno: code)
        }
        unsafe try self.init(handle: handle)
    }

    @unsafe
    private init(handle: OpaquePointer) throws(PlatformError) {
        let fd = unsafe xenevtchn_fd(handle)
        // xenevtchn_pending blocks otherwise; a look must never stop the packet path.
        guard fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0 else {
            let code = errno
            unsafe xenevtchn_close(handle)
            throw PlatformError("fcntl(F_SETFL) on /dev/xen/evtchn", errno: code)
        }
        unsafe self.handle = handle
        descriptor = fd
    }

    deinit { unsafe xenevtchn_close(handle) }

    /// Opens the device as the library does. The library's handle does not outlive the call; what
    /// counts is the open file, which lives for as long as any copy of the descriptor.
    static func open() throws(PlatformError) -> Int32 {
        let channels = try LibXenEventChannels()
        let copy = fcntl(channels.descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw PlatformError("fcntl(F_DUPFD_CLOEXEC)", errno: errno) }
        return copy
    }

    func bindInterdomain(
        _ remote: EventChannelPort, of domain: DomainID
    ) throws(PlatformError) -> EventChannelPort {
        let port = unsafe xenevtchn_bind_interdomain(
            handle, UInt32(domain.rawValue), remote.rawValue)
        guard port >= 0 else { throw PlatformError("xenevtchn_bind_interdomain", errno: errno) }
        return EventChannelPort(UInt32(port))
    }

    func unbind(_ port: EventChannelPort) throws(PlatformError) {
        guard unsafe xenevtchn_unbind(handle, port.rawValue) == 0 else {
            throw PlatformError("xenevtchn_unbind", errno: errno)
        }
    }

    @inlinable
    func notify(_ port: EventChannelPort) throws(PlatformError) {
        guard unsafe cxen_notify(handle, port.rawValue) == 0 else {
            throw PlatformError("xenevtchn_notify", errno: cxen_errno())
        }
    }

    func nextPending() throws(PlatformError) -> EventChannelPort? {
        let port = unsafe xenevtchn_pending(handle)
        if port >= 0 { return EventChannelPort(UInt32(port)) }
        guard errno == EAGAIN || errno == EINTR else {
            throw PlatformError("xenevtchn_pending", errno: errno)
        }
        return nil
    }

    @inlinable
    func unmask(_ port: EventChannelPort) throws(PlatformError) {
        guard unsafe cxen_unmask(handle, port.rawValue) == 0 else {
            throw PlatformError("xenevtchn_unmask", errno: cxen_errno())
        }
    }
}
