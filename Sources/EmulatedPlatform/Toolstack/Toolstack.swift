// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
public import Platform

/// What libxl does in the store for network devices, as dom0. The waits block, on watches.
public struct Toolstack<Store: XenStore & ~Copyable>: ~Copyable {
    /// The connection, as dom0.
    public var store: Store
    private let descriptor: Int32
    private static var token: String { "toolstack" }

    /// Takes a connection of dom0 and the descriptor that is readable when it has watch events;
    /// without one the waits only look at the clock's end, which suits a store in one process.
    public init(_ store: consuming Store, descriptor: Int32 = -1) {
        self.store = store
        self.descriptor = descriptor
    }

    /// Plugs a vif in, in one transaction.
    ///
    /// - Throws: `PlatformError` with ESRCH if the guest or the backend's domain has no home in
    ///   the store, EEXIST if the guest has a device of that number.
    public mutating func attachVif(_ attachment: VifAttachment) throws(PlatformError) {
        try transact { (self, transaction) throws(PlatformError) in
            try self.write(attachment, in: transaction)
        }
    }

    /// Does `body` in one transaction, again when others came between.
    private mutating func transact(
        _ body: (inout Self, StoreTransaction) throws(PlatformError) -> Void
    ) throws(PlatformError) {
        var isDone = false
        while !isDone {
            let transaction = try store.beginTransaction()
            do {
                try body(&self, transaction)
            } catch {
                _ = try store.endTransaction(transaction, commit: false)
                throw error
            }
            isDone = try store.endTransaction(transaction, commit: true)
        }
    }

    private mutating func write(
        _ attachment: VifAttachment, in transaction: StoreTransaction
    ) throws(PlatformError) {
        for domain in [attachment.vif.domain, attachment.backend]
        where try store.read("/local/domain/\(domain)", in: transaction) == nil {
            throw PlatformError("attach", errno: ESRCH)
        }
        let record = VifAttachment.recordPath(of: attachment.vif)
        guard try store.read(record, in: transaction) == nil else {
            throw PlatformError("attach", errno: EEXIST)
        }
        for node in attachment.parents where try store.read(node.path, in: transaction) == nil {
            try write(node, in: transaction)
        }
        for node in attachment.nodes { try write(node, in: transaction) }
    }

    private mutating func write(
        _ node: VifAttachment.Node, in transaction: StoreTransaction
    ) throws(PlatformError) {
        try store.write(node.path, node.value, in: transaction)
        if let permissions = node.permissions {
            try store.setPermissions(node.path, permissions, in: transaction)
        }
    }

    /// Waits until the backend has come to `state` or beyond; what it came to when the time is up.
    public mutating func waitForBackend(
        of vif: VifID, state: XenbusState, timeoutMilliseconds: Int
    ) throws(PlatformError) -> XenbusState {
        let path = try backendPath(of: vif) + "/state"
        var found = XenbusState.unknown
        _ = try wait(for: path, timeoutMilliseconds) { text in
            found = XenbusState(text: text)
            return found.rawValue >= state.rawValue
        }
        return found
    }

    /// Unplugs a vif: asks the backend to close, waits until it is closed and has removed its
    /// half, and removes the frontend's.
    ///
    /// - Throws: `PlatformError` with ENOENT if there is no such vif, ETIMEDOUT when the backend
    ///   did not do its part in `timeoutMilliseconds` for each of the two waits; the vif is still
    ///   there then, and `destroyVif` removes it.
    public mutating func detachVif(
        _ vif: VifID, timeoutMilliseconds: Int = 10_000
    ) throws(PlatformError) {
        try requestDetach(vif)
        guard try waitUntilGone(vif, timeoutMilliseconds) else {
            throw PlatformError("detach", errno: ETIMEDOUT)
        }
        try removeVif(vif)
    }

    /// Unplugs a vif by force: the frontend goes first, and whatever the backend left goes with it.
    ///
    /// - Throws: `PlatformError` with ENOENT if there is no such vif.
    /// - Returns: whether the backend did its part in time.
    @discardableResult
    public mutating func destroyVif(
        _ vif: VifID, timeoutMilliseconds: Int = 10_000
    ) throws(PlatformError) -> Bool {
        let backend = try backendPath(of: vif)
        try store.remove(VifAttachment.frontendPath(of: vif))
        try requestDetach(vif)
        let isGone = try waitUntilGone(vif, timeoutMilliseconds)
        if !isGone { try store.remove(backend) }
        try removeVif(vif)
        return isGone
    }

    /// The first step of `detachVif`, for whoever does not want to wait.
    public mutating func requestDetach(_ vif: VifID) throws(PlatformError) {
        let backend = try backendPath(of: vif)
        try transact { (self, transaction) throws(PlatformError) in
            // A backend that removed its half must not get a new one without an owner.
            guard try self.store.read(backend, in: transaction) != nil else { return }
            try self.store.write("\(backend)/online", "0", in: transaction)
            try self.store.write(
                "\(backend)/state", "\(XenbusState.closing.rawValue)", in: transaction)
        }
    }

    /// The last step of `detachVif`: removes the frontend's half and the toolstack's note.
    public mutating func removeVif(_ vif: VifID) throws(PlatformError) {
        try store.remove(VifAttachment.frontendPath(of: vif))
        try store.remove(VifAttachment.recordPath(of: vif))
    }

    /// The vifs of a guest.
    public mutating func vifs(of guest: DomainID) throws(PlatformError) -> [VifID] {
        let names = try store.directory("/libxl/\(guest)/device/vif") ?? []
        return names.compactMap { UInt32($0) }.sorted().map { VifID(domain: guest, device: $0) }
    }

    /// Unplugs a guest's vifs by force and forgets the guest, before its domain is destroyed.
    public mutating func forget(
        _ guest: DomainID, timeoutMilliseconds: Int = 10_000
    ) throws(PlatformError) {
        for vif in try vifs(of: guest) {
            try destroyVif(vif, timeoutMilliseconds: timeoutMilliseconds)
        }
        try store.remove("/libxl/\(guest)")
    }

    /// Where the backend's half of a vif stands.
    ///
    /// - Throws: `PlatformError` with ENOENT if there is no such vif.
    public mutating func backendPath(of vif: VifID) throws(PlatformError) -> String {
        guard let path = try store.read(VifAttachment.recordPath(of: vif) + "/backend") else {
            throw PlatformError("vif", errno: ENOENT)
        }
        return path
    }

    private mutating func waitUntilGone(
        _ vif: VifID, _ timeoutMilliseconds: Int
    ) throws(PlatformError) -> Bool {
        let backend = try backendPath(of: vif)
        let isClosed = try wait(for: "\(backend)/state", timeoutMilliseconds) { text in
            text == nil || XenbusState(text: text) == .closed
        }
        guard isClosed else { return false }
        return try wait(for: backend, timeoutMilliseconds) { $0 == nil }
    }

    private mutating func wait(
        for path: String, _ timeoutMilliseconds: Int, until isRight: (String?) -> Bool
    ) throws(PlatformError) -> Bool {
        let end = milliseconds() + timeoutMilliseconds
        try store.watch(path, token: Toolstack.token)
        defer { try? store.unwatch(path, token: Toolstack.token) }
        while true {
            while try store.nextWatchEvent() != nil {}
            if isRight(try store.read(path)) { return true }
            let left = end - milliseconds()
            guard left > 0 else { return false }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            // SAFETY: one local element, and its count.
            _ = unsafe poll(&waiting, 1, Int32(clamping: left))
        }
    }

    private func milliseconds() -> Int {
        var now = timespec()
        // SAFETY: a local variable.
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
    }
}
