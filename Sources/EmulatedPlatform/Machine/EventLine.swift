// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Platform

/// The two eventfds of an event channel, one per direction. They live as long as a port at either
/// end does: while one end is closed, the other keeps them for whoever binds next.
final class EventPair {
    fileprivate let first: OwnedDescriptor
    fileprivate let second: OwnedDescriptor

    /// Opens both directions.
    init() throws(PlatformError) {
        let first = OwnedDescriptor(taking: EventPair.open())
        let second = OwnedDescriptor(taking: EventPair.open())
        let reason = errno
        let complete = first.number >= 0 && second.number >= 0
        self.first = consume first
        self.second = consume second
        guard complete else { throw PlatformError("eventfd", errno: reason) }
    }

    private static func open() -> Int32 {
        eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    }
}

/// One port's end of a pair.
struct EventLine {
    private let pair: EventPair
    private let isFirst: Bool

    /// The first end of a new pair.
    init() throws(PlatformError) {
        pair = try EventPair()
        isFirst = true
    }

    private init(pair: EventPair, isFirst: Bool) {
        self.pair = pair
        self.isFirst = isFirst
    }

    /// The other end.
    var peer: EventLine { EventLine(pair: pair, isFirst: !isFirst) }
    /// Readable while the port is pending.
    var inbound: Int32 { isFirst ? pair.first.number : pair.second.number }
    /// Written to raise the peer's port.
    var outbound: Int32 { isFirst ? pair.second.number : pair.first.number }

    /// Forgets what was raised for an earlier owner of this end.
    func drain() {
        // An empty eventfd answers EAGAIN: fine.
        _ = clinux_event_take(inbound)
    }

    /// Makes the port at this end pending.
    func raise() {
        // A full eventfd is pending already.
        _ = clinux_event_raise(inbound)
    }
}
