// SPDX-License-Identifier: Apache-2.0
import CXen
import Glibc
import Platform
import PlatformProof
import SharedMemory

/// A guest's part on Xen, played by the domain that runs this program: it grants pages
/// (/dev/xen/gntalloc) and makes ports (/dev/xen/evtchn) to itself.
@safe final class XenPeer: GrantingPeer {
    let domain: DomainID
    // SAFETY: both are open from init to deinit, and neither leaves this class.
    private let pages: OpaquePointer
    private let channels: OpaquePointer
    /// Where the granted pages are, until they are taken back.
    private var addresses: [GrantReference: UnsafeMutableRawPointer] = unsafe [:]

    init(_ domain: DomainID) throws {
        guard let pages = unsafe xengntshr_open(nil, 0) else {
            throw PlatformError("xengntshr_open", errno: errno)
        }
        guard let channels = unsafe xenevtchn_open(nil, 0) else {
            let code = errno
            unsafe xengntshr_close(pages)
            throw PlatformError("xenevtchn_open", errno: code)
        }
        let descriptor = unsafe xenevtchn_fd(channels)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        self.domain = domain
        unsafe self.pages = pages
        unsafe self.channels = channels
    }

    deinit {
        unsafe xengntshr_close(pages)
        unsafe xenevtchn_close(channels)
    }

    func share(readOnly: Bool) throws -> SharedPage {
        var reference: UInt32 = 0
        let shared = unsafe xengntshr_share_pages(
            pages, UInt32(domain.rawValue), 1, &reference, readOnly ? 0 : 1)
        guard let address = unsafe shared else {
            throw PlatformError("xengntshr_share_pages", errno: errno)
        }
        unsafe addresses[GrantReference(reference)] = address
        return SharedPage(
            reference: GrantReference(reference),
            words: unsafe MappedWords(at: address, wordCount: 1024))
    }

    func endSharing(_ page: SharedPage) throws {
        guard let address = unsafe addresses.removeValue(forKey: page.reference),
            unsafe xengntshr_unshare(pages, address, 1) == 0
        else { throw PlatformError("xengntshr_unshare", errno: errno) }
    }

    func allocateUnbound() throws -> EventChannelPort {
        let port = unsafe xenevtchn_bind_unbound_port(channels, UInt32(domain.rawValue))
        guard port > 0 else { throw PlatformError("xenevtchn_bind_unbound_port", errno: errno) }
        return EventChannelPort(UInt32(port))
    }

    func notify(_ port: EventChannelPort) throws {
        guard unsafe xenevtchn_notify(channels, port.rawValue) == 0 else {
            throw PlatformError("xenevtchn_notify", errno: errno)
        }
    }

    func nextPending() throws -> EventChannelPort? {
        let port = unsafe xenevtchn_pending(channels)
        if port > 0 { return EventChannelPort(UInt32(port)) }
        guard errno == EAGAIN else { throw PlatformError("xenevtchn_pending", errno: errno) }
        return nil
    }

    func unmask(_ port: EventChannelPort) throws {
        guard unsafe xenevtchn_unmask(channels, port.rawValue) == 0 else {
            throw PlatformError("xenevtchn_unmask", errno: errno)
        }
    }

    func close(_ port: EventChannelPort) throws {
        guard unsafe xenevtchn_unbind(channels, port.rawValue) == 0 else {
            throw PlatformError("xenevtchn_unbind", errno: errno)
        }
    }
}
