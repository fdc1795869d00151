// SPDX-License-Identifier: Apache-2.0
public import Platform

extension EmulatedStore {
    /// Bytes of a path with a token and two NULs that an event may have; a longer one is never
    /// sent. Corresponds to `XENSTORE_PAYLOAD_MAX`.
    static let eventSizeMax = 4096

    /// Watches a node and all below it, or a special event; one event comes at once.
    ///
    /// - Throws: `StoreError.exists` for the same path and token, `tooBig` when the domain has
    ///   too many, `invalid` for a malformed path.
    public func watch(
        _ path: String, token: String, by connection: StoreConnectionID
    ) throws(StoreError) {
        let domain = try domain(of: connection)
        let key = StoreWatchKey(place: try place(path, domain), token: token)
        guard clients[connection]?.watches.contains(key) == false else { throw .exists }
        guard
            domain == .control
                || count(of: domain, { $0.watches.count }) < quota.watchesPerDomainMax
        else { throw .tooBig }
        let isRelative =
            path.utf8.first != UInt8(ascii: "/") && path.utf8.first != UInt8(ascii: "@")
        let home = StorePath.home(of: domain).description
        let watch = StoreWatch(
            connection: connection, token: token,
            prefixSize: isRelative ? home.utf8.count + 1 : 0)
        watches.add(watch, at: key.place)
        clients[connection]?.watches.insert(key)
        // Sent without a look at the rights: it tells nothing but that the watch is there.
        send(path, to: watch)
    }

    /// Ends a watch. Events that wait already still come.
    ///
    /// - Throws: `StoreError.notFound` if there is none.
    public func unwatch(
        _ path: String, token: String, by connection: StoreConnectionID
    ) throws(StoreError) {
        let key = StoreWatchKey(
            place: try place(path, try domain(of: connection)), token: token)
        guard clients[connection]?.watches.remove(key) != nil else { throw .notFound }
        watches.remove(key, of: connection)
    }

    /// Ends all watches and transactions of a connection, and drops its events.
    /// Corresponds to `XS_RESET_WATCHES`.
    public func reset(_ connection: StoreConnectionID) {
        guard let client = clients[connection] else { return }
        for key in client.watches { watches.remove(key, of: connection) }
        for transaction in client.transactions { transactions[transaction] = nil }
        clients[connection]?.watches = []
        clients[connection]?.transactions = []
        clients[connection]?.dropEvents()
    }

    /// The next watch event of a connection, nil when none waits. Equal events that wait at the
    /// same time are one.
    public func nextWatchEvent(for connection: StoreConnectionID) -> StoreWatchEvent? {
        clients[connection]?.nextEvent()
    }

    /// Whether an event waits.
    public func hasWatchEvents(for connection: StoreConnectionID) -> Bool {
        clients[connection]?.hasEvents ?? false
    }

    /// Sends a special event to those who watch it and may hear of it.
    func fire(_ special: String) {
        for watch in watches.fired(bySpecial: special) {
            guard let domain = clients[watch.connection]?.domain,
                access(of: domain).mayRead(specialPermissions[special] ?? [])
            else { continue }
            send(special, to: watch)
        }
    }

    /// Sends the events of everything that happened to nodes since the last call.
    func fireChanges() {
        for change in live.takeChanges() {
            for watch in watches.fired(by: change) {
                guard let domain = clients[watch.connection]?.domain else { continue }
                let access = access(of: domain)
                guard
                    change.before.contains(where: access.mayRead)
                        || change.after.contains(where: access.mayRead)
                else { continue }
                send(String(change.path.description.dropFirst(watch.prefixSize)), to: watch)
            }
        }
    }

    private func send(_ path: String, to watch: StoreWatch) {
        guard path.utf8.count + watch.token.utf8.count + 2 <= EmulatedStore.eventSizeMax else {
            return
        }
        clients[watch.connection]?.append(
            path: path, token: watch.token, countMax: quota.pendingEventsMax)
    }

    private func place(
        _ path: String, _ domain: DomainID
    ) throws(StoreError) -> StoreWatchKey.Place {
        guard path.utf8.first == UInt8(ascii: "@") else {
            return .node(try StorePath(path, for: domain))
        }
        guard path.utf8.count <= StorePath.relativeSizeMax else { throw .invalid }
        return .special(path)
    }
}
