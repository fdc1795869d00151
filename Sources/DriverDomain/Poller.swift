// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Platform

/// An epoll instance: the only thing that blocks.
///
/// SAFETY: `events` holds `capacity` elements from init to deinit.
@safe
struct Poller: ~Copyable {
    private static var capacity: Int { 64 }

    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    init() throws(PlatformError) {
        let made = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard made >= 0 else { throw PlatformError("epoll_create1", errno: errno) }
        descriptor = made
        unsafe events = .allocate(capacity: Self.capacity)
        unsafe events.initialize(repeating: epoll_event(), count: Self.capacity)
    }

    deinit {
        close(descriptor)
        unsafe events.deallocate()
    }

    /// Waits for `fd` to be readable, under a number of the caller's choice. Edge-triggered:
    /// told once, and again only when more comes.
    borrowing func add(
        _ fd: Int32, number: UInt64, edgeTriggered: Bool = false
    ) throws(PlatformError) {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue | (edgeTriggered ? EPOLLET.rawValue : 0)
        unsafe event.data.u64 = number
        guard unsafe epoll_ctl(descriptor, EPOLL_CTL_ADD, fd, &event) == 0 else {
            throw PlatformError("epoll_ctl", errno: errno)
        }
    }

    /// Ends that. A descriptor leaves by itself only when its last duplicate is closed.
    borrowing func remove(_ fd: Int32) {
        var unused = unsafe epoll_event()
        _ = unsafe epoll_ctl(descriptor, EPOLL_CTL_DEL, fd, &unused)
    }

    /// Waits up to `milliseconds` (-1: for ever, 0: not at all) and returns how many are ready.
    borrowing func wait(milliseconds: Int32) throws(PlatformError) -> Int {
        let count = unsafe epoll_wait(descriptor, events, Int32(Self.capacity), milliseconds)
        if count < 0 && errno != EINTR { throw PlatformError("epoll_wait", errno: errno) }
        return max(0, Int(count))
    }

    /// The number of a ready descriptor, `position` below what `wait` returned.
    borrowing func number(at position: Int) -> UInt64 {
        precondition(position >= 0 && position < Self.capacity, "outside of the ready list")
        return unsafe events[position].data.u64
    }
}
