// SPDX-License-Identifier: Apache-2.0
import Glibc
public import Platform

/// xenstore by its wire protocol (xen/io/xs_wire.h), over the kernel's /dev/xen/xenbus or the
/// daemon's socket: the client of a statically linked program.
///
/// The static archive of libxenstore is built without threads, and in that form a watch event
/// that overtakes a reply fails the request (decision 0008). Here events wait in a queue while a
/// request is answered, no thread is started, and a store that does not answer costs
/// `patienceMilliseconds` and no more.
@safe
public struct XenbusStore: XenStore, ~Copyable {
    /// The kernel's way to the store that serves this domain.
    public static let device = "/dev/xen/xenbus"
    /// How long an answer may take.
    private static var patienceMilliseconds: Int64 { 10_000 }

    /// Readable when something came: an event, or an answer that came too late.
    public let descriptor: Int32
    private var input: [UInt8] = []
    private var events: [StoreWatchEvent] = []
    private var lastRequest: UInt32 = 0
    /// Where the stream broke: nothing more can be understood.
    private var isBroken = false

    /// Opens the device, or connects to a daemon's socket.
    ///
    /// - Throws: `PlatformError`; ENOENT without Xen, EACCES without privilege.
    public init(path: String = XenbusStore.device) throws(PlatformError) {
        let opened = unsafe open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        // A socket has a name in the file system, but cannot be opened: ENXIO.
        if opened < 0 && errno == ENXIO {
            descriptor = try Self.connect(to: path)
        } else {
            guard opened >= 0 else { throw PlatformError("open of xenbus", errno: errno) }
            descriptor = opened
        }
    }

    /// Takes over an open connection.
    init(taking descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// See `XenStore`.
    public var isConnected: Bool { !isBroken }

    /// Events that are here already: `descriptor` says nothing about them.
    public var hasWaitingEvents: Bool { !events.isEmpty }

    /// See `XenStore`.
    public mutating func read(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> String? {
        let value = try askMissing("XS_READ", .read, transaction, Self.terminated(path))
        return value.map { String(decoding: $0, as: UTF8.self) }
    }

    /// See `XenStore`.
    public mutating func write(
        _ path: String, _ value: String, in transaction: StoreTransaction
    ) throws(PlatformError) {
        _ = try ask("XS_WRITE", .write, transaction, Self.terminated(path) + Array(value.utf8))
    }

    /// See `XenStore`. xenstored is content with a missing node whose parent is there, so true
    /// does not say that there was one.
    @discardableResult
    public mutating func remove(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> Bool {
        try askMissing("XS_RM", .remove, transaction, Self.terminated(path)) != nil
    }

    /// See `XenStore`.
    public mutating func directory(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> [String]? {
        do throws(PlatformError) {
            let names = try askMissing(
                "XS_DIRECTORY", .directory, transaction, Self.terminated(path))
            return names.map { Self.strings($0) }
        } catch {
            guard error.errno == E2BIG else { throw error }
            return try longDirectory(path, in: transaction)
        }
    }

    /// A directory of more than one message, part by part. A change meanwhile starts it anew.
    private mutating func longDirectory(
        _ path: String, in transaction: StoreTransaction
    ) throws(PlatformError) -> [String]? {
        let operation: StaticString = "XS_DIRECTORY_PART"
        var generation: [UInt8] = []
        var names: [UInt8] = []
        while true {
            let payload = Self.terminated(path) + Self.terminated("\(names.count)")
            guard
                let part = try askMissing(operation, .directoryPart, transaction, payload)
            else { return nil }
            guard let end = part.firstIndex(of: 0) else {
                throw PlatformError(operation, errno: EPROTO)
            }
            let partGeneration = Array(part[..<end])
            let isChanged = !names.isEmpty && generation != partGeneration
            generation = partGeneration
            if isChanged {
                names = []
                continue
            }
            let rest = Array(part[(end + 1)...])
            guard !rest.isEmpty else { throw PlatformError(operation, errno: EPROTO) }
            names += rest
            // The last part ends with an empty name.
            if rest == [0] || Array(rest.suffix(2)) == [0, 0] { return Self.strings(names) }
        }
    }

    /// See `XenStore`.
    public mutating func setPermissions(
        _ path: String, _ permissions: [StorePermission], in transaction: StoreTransaction
    ) throws(PlatformError) {
        var payload = Self.terminated(path)
        for permission in permissions {
            let letter =
                switch (permission.mayRead, permission.mayWrite) {
                case (true, true): "b"
                case (true, false): "r"
                case (false, true): "w"
                case (false, false): "n"
                }
            payload += Self.terminated("\(letter)\(permission.domain)")
        }
        _ = try ask("XS_SET_PERMS", .setPermissions, transaction, payload)
    }

    /// See `XenStore`.
    public mutating func watch(_ path: String, token: String) throws(PlatformError) {
        let payload = Self.terminated(path) + Self.terminated(token)
        _ = try ask("XS_WATCH", .watch, .none, payload)
    }

    /// See `XenStore`.
    public mutating func unwatch(_ path: String, token: String) throws(PlatformError) {
        let payload = Self.terminated(path) + Self.terminated(token)
        _ = try ask("XS_UNWATCH", .unwatch, .none, payload)
    }

    /// See `XenStore`. To be called until it returns nil once `descriptor` is readable.
    public mutating func nextWatchEvent() throws(PlatformError) -> StoreWatchEvent? {
        while events.isEmpty {
            // An answer here is one that came too late for its request.
            if try takeMessage() == nil, events.isEmpty, try !receive() { return nil }
        }
        return events.removeFirst()
    }

    /// See `XenStore`.
    public mutating func beginTransaction() throws(PlatformError) -> StoreTransaction {
        let reply = try ask("XS_TRANSACTION_START", .transactionStart, .none, [0])
        guard let text = Self.strings(reply).first, let number = UInt32(text), number != 0 else {
            throw PlatformError("XS_TRANSACTION_START", errno: EPROTO)
        }
        return StoreTransaction(number)
    }

    /// See `XenStore`.
    public mutating func endTransaction(
        _ transaction: StoreTransaction, commit: Bool
    ) throws(PlatformError) -> Bool {
        do throws(PlatformError) {
            let payload = Self.terminated(commit ? "T" : "F")
            _ = try ask("XS_TRANSACTION_END", .transactionEnd, transaction, payload)
            return true
        } catch {
            guard error.errno == EAGAIN else { throw error }
            return false
        }
    }

    // MARK: requests

    /// Like `ask`, with nil for a missing node.
    private mutating func askMissing(
        _ operation: StaticString, _ type: StoreMessageType, _ transaction: StoreTransaction,
        _ payload: [UInt8]
    ) throws(PlatformError) -> [UInt8]? {
        do throws(PlatformError) {
            return try ask(operation, type, transaction, payload)
        } catch {
            guard error.errno == ENOENT else { throw error }
            return nil
        }
    }

    /// Sends a request and waits for its answer.
    private mutating func ask(
        _ operation: StaticString, _ type: StoreMessageType, _ transaction: StoreTransaction,
        _ payload: [UInt8]
    ) throws(PlatformError) -> [UInt8] {
        guard payload.count <= StoreMessageHeader.payloadSizeMax else {
            throw PlatformError(operation, errno: E2BIG)
        }
        guard !isBroken else { throw PlatformError(operation, errno: EPIPE) }
        lastRequest = lastRequest == .max ? 1 : lastRequest + 1
        let header = StoreMessageHeader(
            type: type.rawValue, request: lastRequest, transaction: transaction.rawValue,
            payloadSize: UInt32(payload.count))
        let deadline = Self.milliseconds() + Self.patienceMilliseconds
        try send(header.bytes + payload, until: deadline, operation)
        while true {
            guard let (reply, bytes) = try takeMessage() else {
                if try !receive() { try wait(for: Int16(POLLIN), until: deadline, operation) }
                continue
            }
            guard reply.request == lastRequest else { continue }
            guard reply.type == StoreMessageType.error.rawValue else { return bytes }
            throw PlatformError(
                operation, errno: StoreErrno.number(named: Self.strings(bytes).first ?? ""))
        }
    }

    private mutating func send(
        _ bytes: [UInt8], until deadline: Int64, _ operation: StaticString
    ) throws(PlatformError) {
        var sent = 0
        while sent < bytes.count {
            let rest = Array(bytes[sent...])
            let count = unsafe Glibc.write(descriptor, rest, rest.count)
            if count > 0 {
                sent += count
            } else if count < 0 && errno == EAGAIN {
                try wait(for: Int16(POLLOUT), until: deadline, operation)
            } else if errno != EINTR {
                // Half a request may be gone: what follows would be taken for its rest.
                isBroken = sent > 0 || [EPIPE, ECONNRESET, ENOTCONN, EBADF].contains(errno)
                throw PlatformError(operation, errno: errno)
            }
        }
    }

    /// Takes the first whole message that was received. Events go to their queue on the way.
    private mutating func takeMessage() throws(PlatformError) -> (StoreMessageHeader, [UInt8])? {
        while let header = StoreMessageHeader(input) {
            guard header.payloadSize <= UInt32(StoreMessageHeader.payloadSizeMax) else {
                isBroken = true
                throw PlatformError("xenstore's answer", errno: EPROTO)
            }
            let size = StoreMessageHeader.size + Int(header.payloadSize)
            guard input.count >= size else { return nil }
            let payload = Array(input[StoreMessageHeader.size..<size])
            input.removeFirst(size)
            guard header.type == StoreMessageType.watchEvent.rawValue else {
                return (header, payload)
            }
            let texts = Self.strings(payload)
            if texts.count >= 2 { events.append(StoreWatchEvent(path: texts[0], token: texts[1])) }
        }
        return nil
    }

    /// Reads what is there; false if nothing is.
    private mutating func receive() throws(PlatformError) -> Bool {
        guard !isBroken else { throw PlatformError("read of xenstore", errno: EPIPE) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
        if count > 0 {
            input += bytes.prefix(count)
            return true
        }
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return false }
        isBroken = true
        throw PlatformError("read of xenstore", errno: count == 0 ? ECONNRESET : errno)
    }

    private mutating func wait(
        for events: Int16, until deadline: Int64, _ operation: StaticString
    ) throws(PlatformError) {
        let remaining = deadline - Self.milliseconds()
        guard remaining > 0 else {
            // Nobody knows what became of it: a new connection looks at what there is.
            isBroken = true
            throw PlatformError(operation, errno: ETIMEDOUT)
        }
        var watched = pollfd(fd: descriptor, events: events, revents: 0)
        // Whatever it says, the next read or write tells what is the matter.
        _ = unsafe poll(&watched, 1, Int32(clamping: remaining))
    }

    // MARK: small change

    private static func connect(to path: String) throws(PlatformError) -> Int32 {
        let made = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard made >= 0 else { throw PlatformError("socket", errno: errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8) + [0]
        guard name.count <= MemoryLayout.size(ofValue: address.sun_path) else {
            _ = Glibc.close(made)
            throw PlatformError("connect to xenstored", errno: ENAMETOOLONG)
        }
        // SAFETY: the bytes fit, as was just checked; both values are local to this call.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(made, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let error = errno
            _ = Glibc.close(made)
            throw PlatformError("connect to xenstored", errno: error)
        }
        return made
    }

    private static func terminated(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

    /// The texts of a payload, each of which ends with a zero byte.
    private static func strings(_ payload: [UInt8]) -> [String] {
        payload.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func milliseconds() -> Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
